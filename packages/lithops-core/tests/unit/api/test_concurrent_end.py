"""`lithops.concurrent.futures`: `map`, and the end of an executor."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import threading
import weakref
from typing import TYPE_CHECKING

import pytest

from lithops import FunctionExecutor
from lithops.concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
)
from lithops.errors import CancelledError, ClosedError

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Gate, Program


@pytest.fixture(scope="module")
def executor(fexec: FunctionExecutor) -> Executor:
    return Executor(fexec)


@pytest.fixture
def one(own_state: None) -> Iterator[Executor]:
    """An executor of one worker."""
    with ProcessPoolExecutor(1) as executor:
        yield executor


# --- map


def test_map_gives_results_in_order_and_takes_all_items_at_once(executor: Executor) -> None:
    items = iter(range(5))
    results = executor.map(pow, items, itertools.repeat(2))
    assert next(items, None) is None
    assert list(results) == [0, 1, 4, 9, 16]


def test_map_with_a_buffer_takes_no_more_items_than_it_holds(executor: Executor) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in itertools.count():
            taken.append(item)
            yield item

    results = executor.map(abs, items(), buffersize=3)
    assert taken == [0, 1, 2]
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    assert taken == [0, 1, 2, 3, 4, 5, 6]


def test_map_cancels_what_waits_when_a_call_raises(one: Executor, gate: Gate) -> None:
    def waits(item: int, path: str = gate.path) -> int:
        if item == 0:
            raise ValueError("first")
        return pass_gate(path)

    results = one.map(waits, range(50))
    with pytest.raises(ValueError, match="first"):
        next(results)
    gate.open(50)
    assert one.submit(abs, -1).result(DEADLINE_S) == 1


def test_map_raises_when_its_time_is_over(executor: Executor, gate: Gate) -> None:
    results = executor.map(pass_gate, [gate.path], timeout=0.01)
    with pytest.raises(TimeoutError):
        next(results)
    gate.open()


@pytest.mark.parametrize("option", ["chunksize", "buffersize"])
@pytest.mark.parametrize(
    ("size", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError), (True, TypeError)]
)
def test_map_refuses_sizes_that_are_none(executor: Executor, option: str, size: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"{option} must be .*whole number from 1 up, found {size!r}"):
        executor.map(abs, [1], **{option: size})  # type: ignore[arg-type]  # that is the point


# --- the end


def test_shutdown_waits_for_all_calls() -> None:
    executor = ProcessPoolExecutor(2)
    futures = [executor.submit(abs, -i) for i in range(100)]
    executor.shutdown()
    executor.shutdown()
    assert [future.result(0) for future in futures] == list(range(100))
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(abs, 1)
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.map(abs, [1])


def test_shutdown_may_cancel_what_waits(gate: Gate) -> None:
    executor = ProcessPoolExecutor(1)
    futures = [executor.submit(pass_gate, gate.path) for _ in range(10)]
    gate.arrival()
    executor.shutdown(wait=False, cancel_futures=True)
    gate.open(10)
    executor.shutdown()
    assert all(future.done() for future in futures)
    assert not futures[0].cancelled()
    assert all(future.cancelled() for future in futures[2:])


def test_shutdown_that_does_not_wait_closes_after_the_last_call(gate: Gate) -> None:
    executor = ProcessPoolExecutor(1)
    closed = threading.Event()
    executor._feeder._close = lambda: (executor._fexec.close(), closed.set())[0]
    futures = [executor.submit(pass_gate, gate.path) for _ in range(3)]
    executor.shutdown(wait=False)
    assert not closed.is_set()
    gate.open(3)
    assert len({future.result(DEADLINE_S) for future in futures}) == 1
    assert closed.wait(DEADLINE_S)


@pytest.mark.parametrize("waits", [True, False])
def test_an_interrupt_in_the_block_or_at_its_end_ends_all_calls(own_state: None, gate: Gate, waits: bool) -> None:
    futures: list[Future[int]] = []

    def interrupt() -> None:
        gate.arrival()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt), ProcessPoolExecutor(1) as executor:
        futures += [executor.submit(pass_gate, gate.path) for _ in range(5)]
        thread.start()
        if waits:
            futures[0].result(DEADLINE_S)
    thread.join()
    assert all(future.done() for future in futures)
    assert isinstance(futures[0].exception(), CancelledError)
    assert futures[-1].cancelled()


def test_an_interrupt_at_the_end_of_a_program_ends_it(run_program: Program) -> None:
    done = run_program(
        "import atexit, os, signal, threading, time\n"
        "from lithops.concurrent.futures import ProcessPoolExecutor\n"
        "def nap(): time.sleep(1000)\n"
        "executor = ProcessPoolExecutor(1)\n"
        "future = executor.submit(nap)\n"
        "at_end = threading.Event()\n"
        "atexit.register(at_end.set)\n"
        "kill = lambda: (at_end.wait(), os.kill(os.getpid(), signal.SIGINT))\n"
        "threading.Thread(target=kill, daemon=True).start()\n",
        check=False,
    )
    assert "KeyboardInterrupt" in done.stderr


def test_an_executor_that_nobody_has_leaves_nothing_to_be_done_at_the_end(fexec: FunctionExecutor) -> None:
    executor = Executor(fexec)
    executor.submit(abs, -1).result()
    at_exit = weakref.ref(executor._feeder._at_exit)
    del executor
    gc.collect()
    assert at_exit() is None


def test_a_forked_process_cannot_use_the_executor(executor: Executor, gate: Gate) -> None:
    future = executor.submit(pass_gate, gate.path)
    pid = os.fork()
    if pid == 0:
        refused = 0
        for use in (lambda: executor.submit(abs, 1), lambda: future.result(DEADLINE_S)):
            try:
                use()
            except ClosedError as error:
                refused += "belongs to the process this one was forked from" in str(error)
        executor.shutdown()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    gate.open()
    future.result()


BEGIN = """
import os, sys
from lithops.concurrent.futures import ProcessPoolExecutor

def late(path, text):
    with open(path, "a") as file:
        file.write(text)
"""


@pytest.mark.parametrize(
    "end",
    [
        "executor = ProcessPoolExecutor(1)\nfor i in range(20): executor.submit(late, 'out', '.')",
        "ProcessPoolExecutor(1).map(late, ['out'] * 20, '.' * 20)",
        "executor = ProcessPoolExecutor(1)\nexecutor.map(late, ['out'] * 20, '.' * 20)\nexecutor.shutdown(wait=False)",
    ],
)
def test_a_program_ends_when_all_its_calls_have(run_program: Program, end: str) -> None:
    done = run_program(f"{BEGIN}\n{end}\nimport atexit\natexit.register(lambda: print('end'))")
    assert done.stderr == ""
    assert done.stdout == "end\n"
    done = run_program("print(open('out').read())")
    assert done.stdout == "." * 20 + "\n"


def test_no_call_is_submitted_once_the_program_ends(run_program: Program) -> None:
    done = run_program(
        "import atexit\n"
        "def late():\n"
        "    try:\n"
        "        executor.submit(abs, 1)\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "atexit.register(late)\n"
        "from lithops.concurrent.futures import ProcessPoolExecutor\n"
        "executor = ProcessPoolExecutor(1)\n"
        "print(executor.submit(abs, -1).result())\n"
    )
    assert done.stderr == ""
    assert done.stdout == "1\ncannot schedule new futures after interpreter shutdown\n"


def test_importing_the_library_imports_no_front(run_program: Program) -> None:
    done = run_program(
        "import sys, lithops\n"
        "with lithops.FunctionExecutor(worker_processes=1) as fexec:\n"
        "    fexec.call_async(abs, 1).result()\n"
        "print([name for name in sys.modules if name.startswith('lithops.concurrent') or name == 'multiprocessing'])\n"
        "import lithops.concurrent.futures\n"
        "print('multiprocessing' in sys.modules)\n"
    )
    assert done.stdout == "[]\nFalse\n"
