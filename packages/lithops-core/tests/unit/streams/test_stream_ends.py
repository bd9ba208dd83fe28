"""How a stream ends: closed, dropped, interrupted, forked, with its executor, with its workers."""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops import FunctionExecutor
from lithops.errors import CancelledError, ClosedError, WorkerLostError
from lithops.stream import ResultStream

from .conftest import DEADLINE_S, gone, interrupt_while_in, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate, Program


def double(x: int) -> int:
    return 2 * x


def test_closing_cancels_what_is_in_flight(fexec: FunctionExecutor, gate: Gate) -> None:
    results = fexec.imap(pass_gate, itertools.repeat(gate.path))
    pids = {gate.arrival(), gate.arrival()}
    results.close()
    assert all(gone(pid) for pid in pids)
    assert list(results) == []
    results.close()
    assert fexec.call_async(double, 4).result(timeout=DEADLINE_S) == 8


def test_leaving_the_block_closes(fexec: FunctionExecutor, gate: Gate) -> None:
    with fexec.imap(pass_gate, itertools.repeat(gate.path)):
        pid = gate.arrival()
    assert gone(pid)


def test_a_stream_that_nobody_holds_is_closed(fexec: FunctionExecutor, gate: Gate) -> None:
    results = fexec.imap(pass_gate, itertools.repeat(gate.path))
    pid = gate.arrival()
    del results
    gc.collect()
    assert gone(pid)


@pytest.mark.parametrize("ordered", [True, False])
def test_a_closed_stream_holds_nothing(fexec: FunctionExecutor, ordered: bool) -> None:
    results = fexec.imap(str, itertools.count(), ordered=ordered)
    for _ in range(1000):
        next(results)
    results.close()
    window = results._flow._window
    assert (window.under_way(), window.has_ready, len(results._flow._gathered)) == ([], False, 0)


@pytest.mark.parametrize("way", [lambda results: results.close(), list])
def test_a_stream_that_has_ended_is_gone_with_its_last_user(
    fexec: FunctionExecutor, way: Callable[[ResultStream], object]
) -> None:
    gone = threading.Event()
    gc.disable()  # nothing is to be left to chance
    try:
        results = fexec.imap(str, range(3000))
        next(results)
        weakref.finalize(results._flow, gone.set)
        way(results)
        del results
        assert gone.wait(DEADLINE_S)
    finally:
        gc.enable()


def test_closing_does_not_wait_for_the_next_item(fexec: FunctionExecutor) -> None:
    go_on, closed = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        try:
            yield 1
            go_on.wait(DEADLINE_S)
            yield 2
        finally:
            closed.set()

    results = fexec.imap(double, items())
    assert next(results) == 2
    results.close()
    assert list(results) == []
    go_on.set()
    assert closed.wait(DEADLINE_S)  # the thread that reads items has let go of them


def test_closing_wakes_a_thread_that_waits_for_a_result(fexec: FunctionExecutor, gate: Gate) -> None:
    results = fexec.imap(pass_gate, [gate.path])
    seen: list[list[int]] = []
    thread = threading.Thread(target=lambda: seen.append(list(results)))
    thread.start()
    gate.arrival()
    results.close()
    thread.join(DEADLINE_S)
    assert seen == [[]]


def test_a_closed_stream_does_not_disturb_others(fexec: FunctionExecutor, gate: Gate) -> None:
    other = fexec.imap(double, itertools.count())
    results = fexec.imap(pass_gate, itertools.repeat(gate.path))
    gate.arrival()
    results.close()
    assert list(itertools.islice(other, 1000)) == [2 * x for x in range(1000)]
    other.close()


# --- the executor


def test_leaving_the_executor_s_block_does_not_wait_for_a_stream_without_end() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        results = fexec.imap(double, itertools.count())
        assert next(results) == 0
    with pytest.raises(CancelledError):
        for result in results:
            assert result % 2 == 0


def test_closing_the_executor_ends_a_stream_that_is_being_read(gate: Gate) -> None:
    fexec = FunctionExecutor(worker_processes=1)
    results = fexec.imap(pass_gate, [gate.path] * 3)
    errors: list[BaseException] = []

    def read() -> None:
        try:
            list(results)
        except CancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    gate.arrival()
    fexec.close()
    thread.join(DEADLINE_S)
    assert [str(error) for error in errors] == ["the executor was closed before the call had ended"]


def test_closing_the_executor_ends_a_stream_that_waits_for_items() -> None:
    fexec = FunctionExecutor(worker_processes=1)
    go_on, waiting = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        waiting.set()
        go_on.wait(DEADLINE_S)

    results = fexec.imap(double, items())
    assert next(results) == 2
    assert waiting.wait(DEADLINE_S)
    threading.Timer(0.05, fexec.close).start()
    with pytest.raises(CancelledError) as caught:
        next(results)
    assert str(caught.value) == f"executor {fexec.executor_id} was closed before this stream had ended"
    assert list(results) == []
    go_on.set()


def test_a_call_that_waits_for_its_next_attempt_does_not_outlive_the_executor() -> None:
    def fail(_x: int) -> None:
        raise ValueError("again")

    fexec = FunctionExecutor(worker_processes=1)
    results = fexec.imap(fail, [1], retries=200)
    threading.Timer(0.3, fexec.close).start()
    with pytest.raises(CancelledError):
        next(results)


def test_a_closed_executor_begins_no_stream() -> None:
    fexec = FunctionExecutor(worker_processes=1)
    fexec.close()
    with pytest.raises(ClosedError, match="was closed; make a new one"):
        fexec.imap(double, [1])


def test_a_stream_keeps_its_executor() -> None:
    results = FunctionExecutor(worker_processes=1).imap(double, range(3000))
    gc.collect()
    assert list(results) == [2 * x for x in range(3000)]


# --- the workers


@pytest.mark.parametrize("ordered", [True, False])
def test_a_killed_worker_costs_no_result(fexec: FunctionExecutor, gate: Gate, ordered: bool) -> None:
    def work(x: int, path: str) -> int:
        if x == 500:
            pass_gate(path)
        return x

    results = fexec.imap(work, range(1000), extra_args=(gate.path,), ordered=ordered, buffer=100)
    first = [next(results) for _ in range(300)]
    threading.Thread(target=lambda: (os.kill(gate.arrival(), signal.SIGKILL), gate.arrival(), gate.open())).start()
    assert sorted(first + list(results)) == list(range(1000))


def test_a_call_that_loses_two_workers_fails_alone(fexec: FunctionExecutor) -> None:
    def work(x: int) -> int:
        if x == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    results = list(fexec.imap(work, range(10), throw_except=False))
    assert [r for r in results if isinstance(r, int)] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert isinstance(results[5], WorkerLostError)


# --- the driver


def test_an_interrupt_cancels_the_stream(run_program: Program) -> None:
    done = run_program(
        f"{inspect.getsource(interrupt_while_in)}\n"
        "import itertools, time\n"
        "import lithops\n"
        "def nap(x):\n"
        "    if x: time.sleep(1000)\n"
        "with lithops.FunctionExecutor(worker_processes=1) as fexec:\n"
        "    results = fexec.imap(nap, itertools.count())\n"
        "    next(results)\n"
        "    interrupt_while_in('wait_for')\n"
        "    try:\n"
        "        next(results)\n"
        "    except KeyboardInterrupt:\n"
        "        print('interrupted', list(results))\n"
        "    print(fexec.call_async(abs, -1).result())\n"
    )
    assert (done.stdout, done.stderr) == ("interrupted []\n1\n", "")


def test_a_program_that_ends_in_the_middle_of_a_stream_ends_quietly(run_program: Program) -> None:
    done = run_program(
        "import itertools, lithops\n"
        "results = lithops.FunctionExecutor(worker_processes=2).imap(abs, itertools.count())\n"
        "print([next(results) for _ in range(3000)][-1])\n",
        *("-W", "error", "-X", "dev"),
    )
    assert (done.stdout, done.stderr) == ("2999\n", "")


def test_a_forked_child_is_told_that_the_stream_is_not_its_own(run_program: Program) -> None:
    done = run_program(
        "import os, lithops\n"
        "with lithops.FunctionExecutor(worker_processes=1) as fexec:\n"
        "    results = fexec.imap(abs, iter([-1, -2]), buffer=1)\n"
        "    print(next(results), flush=True)\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        try:\n"
        "            next(results)\n"
        "        except lithops.errors.ClosedError as error:\n"
        "            print(error, flush=True)\n"
        "        results.close()\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    print(next(results))\n"
    )
    assert done.stdout == ("1\nthis stream belongs to the process this one was forked from; make a new one here\n2\n")


def test_a_call_may_use_a_stream_itself(fexec: FunctionExecutor) -> None:
    def nested(n: int) -> list[int]:
        import lithops

        with lithops.FunctionExecutor(worker_processes=1) as inner:
            return list(inner.imap(abs, range(-n, 0)))

    assert list(fexec.imap(nested, [2, 3])) == [[2, 1], [3, 2, 1]]


def test_plugins_hear_of_one_job(run_program: Program, tmp_path: Path) -> None:
    info = tmp_path / "lithops_plugin_ear-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lithops-plugin-ear\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lithops.plugins]\near = ear:Ear\n")
    (tmp_path / "ear.py").write_text(
        "import lithops\n"
        "class Ear:\n"
        "    name = 'ear'\n"
        "    Config = None\n"
        "    @lithops.hookimpl\n"
        "    def job_started(self, job):\n"
        "        print('started', job.function_name)\n"
        "    @lithops.hookimpl\n"
        "    def job_finished(self, job):\n"
        "        print('finished', job.calls)\n"
    )
    done = run_program(
        "import itertools, lithops\n"
        "with lithops.FunctionExecutor(worker_processes=2) as fexec:\n"
        "    print(sum(fexec.imap(abs, range(2000))))\n"
        "    with fexec.imap(abs, itertools.count()) as results:\n"
        "        print(next(results))\n"
    )
    lines = done.stdout.splitlines()  # events come on other threads, in an order of their own
    assert {"1999000", "0", "finished 2000"} <= set(lines)
    assert [line.split()[0] for line in sorted(lines)][2:] == ["finished", "finished", "started", "started"]
