"""Processes, on both carriers."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lithops.multiprocessing as mp
from lithops.errors import BadCallError
from lithops.multiprocessing import Event, Process, Queue, config

from .conftest import DEADLINE_S


def describe(told: Queue) -> None:
    parent = mp.parent_process()
    assert parent is not None
    told.put((os.getpid(), mp.current_process().name, mp.current_process().daemon, parent.pid, parent.is_alive()))


def test_process_runs_its_target_in_a_process_of_its_own() -> None:
    told = Queue()
    process = Process(target=describe, args=(told,), name="worker", daemon=True)
    assert (process.pid, process.exitcode, process.is_alive()) == (None, None, False)
    process.start()
    assert told.get(timeout=DEADLINE_S) == (process.pid, "worker", True, os.getpid(), True)
    process.join(DEADLINE_S)
    assert (process.exitcode, process.is_alive()) == (0, False)
    assert process.pid != os.getpid()


def leave(code: object) -> None:
    sys.exit(code)  # type: ignore[arg-type]


def fail() -> None:
    raise ValueError("on purpose")


@pytest.mark.parametrize(
    ("target", "arguments", "code"),
    [
        (leave, (5,), 5),
        (leave, (None,), 0),
        (leave, (300,), 44),
        (leave, (-1,), 255),
        (leave, ("words",), 1),
        (fail, (), 1),
        (os._exit, (7,), 7),
    ],
)
def test_exit_code_is_that_of_the_process(target: Any, arguments: tuple[object, ...], code: int) -> None:
    process = Process(target=target, args=arguments)
    process.start()
    process.join(DEADLINE_S)
    assert process.exitcode == code


class Doubler(Process):
    """A process with a `run` of its own."""

    def __init__(self, told: Queue, value: int) -> None:
        super().__init__()
        self.told, self.value = told, value

    def run(self) -> None:
        self.told.put(2 * self.value)


def test_subclass_runs_its_own_run() -> None:
    told = Queue()
    process = Doubler(told, 4)
    process.start()
    assert told.get(timeout=DEADLINE_S) == 8
    process.join(DEADLINE_S)


def stay(begun: Event) -> None:
    begun.set()
    signal.pause()


@pytest.mark.parametrize(("end", "code"), [("terminate", signal.SIGTERM), ("kill", signal.SIGKILL)])
def test_process_can_be_ended(end: str, code: int) -> None:
    begun = Event()
    process = Process(target=stay, args=(begun,))
    process.start()
    assert begun.wait(DEADLINE_S)
    process.join(0.01)
    assert process.is_alive()
    assert process in mp.active_children()
    getattr(process, end)()
    process.join(DEADLINE_S)
    assert process.exitcode == -code
    assert process not in mp.active_children()


def count_and_stay(told: Queue) -> None:
    told.put(os.getpid())
    signal.pause()


def test_killed_process_is_not_run_again() -> None:
    told = Queue()
    process = Process(target=count_and_stay, args=(told,))
    process.start()
    os.kill(told.get(timeout=DEADLINE_S), signal.SIGKILL)
    process.join(DEADLINE_S)
    assert process.exitcode == -signal.SIGKILL
    assert told.empty()


def test_process_is_closed_once_it_has_ended() -> None:
    begun = Event()
    process = Process(target=stay, args=(begun,))
    process.start()
    begun.wait(DEADLINE_S)
    with pytest.raises(ValueError, match="Cannot close a process while it is still running"):
        process.close()
    process.kill()
    process.join(DEADLINE_S)
    process.close()
    with pytest.raises(ValueError, match="process object is closed"):
        process.is_alive()


def relay(given: Queue, passed: Queue) -> None:
    passed.put(given.get(timeout=DEADLINE_S) + 1)


def test_more_processes_than_processors_wait_for_each_other() -> None:
    count = 12 * (os.cpu_count() or 1)
    queues = [Queue() for _ in range(count + 1)]
    processes = [Process(target=relay, args=(queues[i], queues[i + 1])) for i in range(count)]
    for process in processes:
        process.start()
    queues[0].put(0)
    assert queues[-1].get(timeout=DEADLINE_S) == count
    for process in processes:
        process.join(DEADLINE_S)


def give_birth(told: Queue) -> None:
    child = Process(target=describe, args=(told,))
    child.start()
    child.join(DEADLINE_S)
    told.put(child.exitcode)


def test_process_has_processes_of_its_own() -> None:
    told = Queue()
    process = Process(target=give_birth, args=(told,))
    process.start()
    pid, name, _, parent, _ = told.get(timeout=DEADLINE_S)
    assert name.startswith(process.name.replace("Process", "Process"))
    assert parent == process.pid != pid
    assert told.get(timeout=DEADLINE_S) == 0
    process.join(DEADLINE_S)


def test_daemons_have_no_children() -> None:
    told = Queue()
    process = Process(target=give_birth, args=(told,), daemon=True)
    process.start()
    process.join(DEADLINE_S)
    assert process.exitcode == 1


def change_state() -> None:
    sys.modules["lithops_test_trace"] = sys
    os.environ["LITHOPS_TEST_TRACE"] = "1"


def look_for_state(told: Queue) -> None:
    told.put(("lithops_test_trace" in sys.modules, os.environ.get("LITHOPS_TEST_TRACE")))


def test_process_finds_nothing_that_another_left_behind() -> None:
    told = Queue()
    for target, arguments in ((change_state, ()), (look_for_state, (told,))):
        process = Process(target=target, args=arguments)
        process.start()
        process.join(DEADLINE_S)
    assert told.get(timeout=DEADLINE_S) == (False, None)


def finish_in_a_thread(told: Queue) -> None:
    threading.Timer(0.1, told.put, ("from a thread",)).start()


def test_process_waits_for_its_threads() -> None:
    told = Queue()
    process = Process(target=finish_in_a_thread, args=(told,))
    process.start()
    process.join(DEADLINE_S)
    assert told.get_nowait() == "from a thread"


def test_what_cannot_be_pickled_is_refused_by_start() -> None:
    process = Process(target=print, args=(threading.Lock(),))
    with pytest.raises(TypeError, match="cannot pickle '_thread.lock' object"):
        process.start()
    assert mp.active_children() == []


class Locked(Process):
    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda lock: Process(target=print, args=(1, lock), name="one"), "argument 1 of process 'one'"),
        (lambda lock: Process(target=print, kwargs={"end": [lock]}, name="two"), "argument 'end' of process 'two'"),
        (lambda lock: Process(target=lock.acquire, name="three"), "the target of process 'three'"),
        (lambda _: Locked("four"), "process 'four'"),
    ],
    ids=["position", "keyword", "target", "subclass"],
)
def test_what_cannot_be_pickled_of_a_process_is_named(make: Callable[[Any], Process], what: str) -> None:
    with pytest.raises(BadCallError) as refused:
        make(threading.Lock()).start()
    assert str(refused.value).startswith(f"{what} cannot be pickled: it")


def test_what_the_standard_librarys_processes_inherit_is_refused() -> None:
    reader, writer = multiprocessing.Pipe()
    with reader, writer, pytest.raises(TypeError, match="Connection .* is of the standard library's multiprocessing"):
        Process(target=print, args=(reader,)).start()
    with (
        concurrent.futures.ProcessPoolExecutor(1, mp_context=mp.get_context()) as executor,
        pytest.raises(TypeError, match=r"use lithops.concurrent.futures instead of concurrent.futures"),
    ):
        executor.submit(abs, -3)


def read_variable(told: Queue) -> None:
    told.put(os.environ.get("COLOUR"))


def test_environment_variables_can_be_given() -> None:
    told = Queue()
    config.set_parameter(config.ENV_VARS, {"COLOUR": "green"})
    try:
        process = Process(target=read_variable, args=(told,))
        process.start()
        process.join(DEADLINE_S)
    finally:
        config.set_parameter(config.ENV_VARS, {})
    assert told.get_nowait() == "green"


def test_what_a_program_prints_and_raises_is_seen(run_program: Callable[[str], tuple[int, str, str]]) -> None:
    code, out, err = run_program(
        """
from lithops.multiprocessing import Process

def work():
    print("hello", flush=True)
    raise ValueError("on purpose")

if __name__ == "__main__":
    process = Process(target=work, name="worker")
    process.start()
    process.join()
    print(process.exitcode)
"""
    )
    assert (code, out) == (0, "hello\n1\n")
    assert err.startswith("Process worker:\nTraceback (most recent call last):\n")
    assert err.endswith("ValueError: on purpose\n")


def test_program_waits_for_its_processes_but_ends_daemons(run_program: Callable[[str], tuple[int, str, str]]) -> None:
    code, out, err = run_program(
        """
import signal
from lithops.multiprocessing import Process

def work():
    print("done", flush=True)

if __name__ == "__main__":
    Process(target=signal.pause, daemon=True).start()
    Process(target=work).start()
    print("last line", flush=True)
"""
    )
    assert (code, err) == (0, "")
    assert sorted(out.split("\n")) == ["", "done", "last line"]
