"""The history of calls that fail: what is told of each try."""

from __future__ import annotations

import inspect
import os
import pickle
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops import RetryPolicy
from lithops.errors import CallTimeoutError, WorkerCrashedError, WorkerLostError

from ..executors_and_gates import interrupt_while_in
from .conftest import DEADLINE_S, Odd, nth, raising

Make = Callable[..., lithops.FunctionExecutor]
Drive = Callable[..., Any]


# --- what is told


def test_a_call_that_succeeds_at_once_has_one_attempt_and_costs_the_job_nothing(one: lithops.FunctionExecutor) -> None:
    futures = one.map(abs, [-1, -2])
    assert futures[1].attempts == () or futures[1].done
    one.wait(futures)
    (attempt,) = futures[1].attempts
    assert (attempt.number, attempt.state, attempt.error) == (1, "Success", None)
    assert attempt.worker == futures[1].stats["worker"] != ""
    assert (attempt.started, attempt.ended) == (
        futures[1].stats["worker_func_start_tstamp"],
        futures[1].stats["worker_func_end_tstamp"],
    )
    assert futures[1].stats["failed_attempts"] == []
    assert futures[1]._job.failed_attempts == {}


def test_only_calls_that_failed_have_a_history(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def work(x: int) -> int:
        if x == 70 and nth(tmp_path / "tries") == 1:
            raise ValueError(x)
        return x

    futures = one.map(work, range(100), retries=1)
    assert futures.get_result() == list(range(100))
    assert list(futures[0]._job.failed_attempts) == [70]
    assert [len(future.attempts) for future in futures] == [1] * 70 + [2] + [1] * 29


def test_each_attempt_is_told_of_with_its_time_its_worker_and_its_error(
    one: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    begin = time.time()
    future = one.call_async(raising(Odd(5, "no luck"), tmp_path / "tries", times=2), 0, retries=3)
    assert future.result() == 3
    end = time.time()
    first, second, third = future.attempts
    assert [(a.number, a.state) for a in (first, second, third)] == [(1, "Error"), (2, "Error"), (3, "Success")]
    assert isinstance(first.error, Odd)
    assert first.error.args == (5, "no luck")
    assert "in work" in str(first.error.__cause__)
    assert third.error is None
    times = [t for a in (first, second, third) for t in (a.started or 0.0, a.ended)]
    assert times == sorted(times)
    assert begin - 0.01 <= times[0] <= times[-1] <= end + 0.01
    assert first.worker == second.worker == third.worker == future.stats["worker"]
    assert future.stats["attempt"] == 3
    assert future.stats["failed_attempts"] == [
        {
            "attempt": attempt.number,
            "state": "Error",
            "error": f"{Odd.__module__}.Odd: [Errno 5] no luck",
            "worker": attempt.worker,
            "worker_start_tstamp": attempt.started,
            "worker_end_tstamp": attempt.ended,
        }
        for attempt in (first, second)
    ]


def test_the_last_attempt_has_the_error_of_the_future(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    future = one.call_async(raising(Odd(1), tmp_path / "tries", times=9), 0, retries=1)
    error = future.exception()
    assert [type(a.error) for a in future.attempts] == [Odd, Odd]
    assert future.attempts[-1].error is error


def test_attempts_can_be_pickled(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    future = one.call_async(raising(Odd(1), tmp_path / "tries", times=9), 0, retries=1)
    one.wait(future, throw_except=False)
    copies = pickle.loads(pickle.dumps(future.attempts))
    assert [(a.number, a.started, type(a.error)) for a in copies] == [
        (a.number, a.started, Odd) for a in future.attempts
    ]


def test_a_call_whose_input_failed_was_never_tried(one: lithops.FunctionExecutor) -> None:
    futures = one.map(abs, one.map(lambda x: 1 // x, [0]), retries=3)
    one.wait(futures, throw_except=False)
    assert isinstance(futures[0].exception(), ZeroDivisionError)
    assert futures[0].attempts == ()
    assert futures[0].stats["attempt"] == 0


def test_attempts_stay_when_the_results_of_a_job_were_taken(make: Make, tmp_path: Path) -> None:
    executor = make(1)
    executor.map(raising(Odd(1), tmp_path / "tries"), [0], retries=1).get_result()
    assert executor.map(lambda n: bytes(n), [100_000]).get_result() == [bytes(100_000)]
    assert executor.map(abs, [1]).get_result() == [1]
    assert [len(future.attempts) for future in executor.futures] == [2, 1, 1]


# --- deaths


def test_the_attempts_of_a_call_that_lost_its_workers_are_lost(one: lithops.FunctionExecutor) -> None:
    future = one.call_async(lambda x: os.kill(os.getpid(), signal.SIGKILL), 0)
    assert isinstance(future.exception(), WorkerLostError)
    first, second = future.attempts
    assert (first.number, first.state, second.number, second.state) == (1, "Lost", 2, "Error")
    assert str(first.error).startswith("the worker process was killed with SIGKILL from outside")
    assert "" != first.worker != second.worker != ""


def test_a_worker_that_was_lost_is_not_held_against_the_retries_of_a_call(
    one: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def work(_x: int) -> int:
        n = nth(tmp_path / "tries")
        if n == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if n == 2:
            raise ValueError(n)
        return n

    future = one.call_async(work, 0, retries=1)
    assert future.result() == 3
    assert [a.state for a in future.attempts] == ["Lost", "Error", "Success"]


def test_without_retries_a_lost_worker_earns_no_second_chance_for_errors(
    one: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def work(_x: int) -> int:
        if nth(tmp_path / "tries") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("of its own")

    future = one.call_async(work, 0)
    assert isinstance(future.exception(), ValueError)
    assert [a.state for a in future.attempts] == ["Lost", "Error"]


def test_a_crash_and_a_timeout_tell_when_and_where_they_were(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def work(_x: int) -> int:
        n = nth(tmp_path / "tries")
        if n == 1:
            os._exit(3)
        while n == 2:
            pass
        return n

    future = one.call_async(work, 0, retries=2, timeout=0.3)
    assert future.result() == 3
    crash, timeout, _ = future.attempts
    assert isinstance(crash.error, WorkerCrashedError)
    assert isinstance(timeout.error, CallTimeoutError)
    assert crash.started is not None
    assert timeout.started is not None
    assert crash.started <= crash.ended <= timeout.started
    assert 0.3 <= timeout.ended - timeout.started < 10
    assert len({a.worker for a in future.attempts} - {""}) == 3


def test_the_zygote_killed_while_a_call_pauses_does_not_start_it_twice(
    one: lithops.FunctionExecutor, zygote_of: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def work(x: int) -> int:
        if x == 0:
            if nth(tmp_path / "tries") == 1:
                raise ValueError("once")
        elif nth(tmp_path / "waits") == 1:
            fifo.read_bytes()
        return x

    futures = one.map(work, [0, 1], retries=RetryPolicy(retries=3, first_delay_s=1.0), chunksize=1)
    while not (futures[0].attempts and (tmp_path / "waits").exists()):
        one.wait(futures, timeout=0.01)
    zygote_of().kill()
    assert futures.get_result(timeout=DEADLINE_S) == [0, 1]
    assert len((tmp_path / "tries").read_text()) == 2
    assert [a.state for a in futures[0].attempts] == ["Error", "Success"]
    assert [a.state for a in futures[1].attempts] == ["Lost", "Success"]
    assert futures[1].attempts[0].started is None


# --- reports that come twice, and drivers that are interrupted

ECHO = """
import lithops


class Echo:
    def __init__(self, sink):
        self.sink = sink

    def __getattr__(self, name):
        return getattr(self.sink, name)

    def reported(self, reports):
        self.sink.reported([r for report in reports for r in (report, report)])
        self.sink.reported(reports)


class Plugin:
    name = "echo"
    Config = None

    @lithops.hookimpl
    def wrap_sink(self, sink):
        return Echo(sink)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that says everything three times."""
    site = tmp_path / "site-packages"
    info = site / "lithops_plugin_echo-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lithops-plugin-echo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lithops.plugins]\necho = lithops_plugin_echo:Plugin\n")
    (site / "lithops_plugin_echo.py").write_text(ECHO)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "lithops_plugin_echo", raising=False)


def test_a_report_that_comes_twice_is_one_attempt(echo: None, make: Make, tmp_path: Path) -> None:
    executor = make(1)

    def work(x: int) -> int:
        n = nth(tmp_path / str(x))
        if x == 1 and n == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if x and n < 4:
            raise ValueError(n)
        return n

    futures = executor.map(work, range(3), retries=3, chunksize=1)
    assert futures.get_result() == [1, 4, 4]
    assert [[a.state for a in future.attempts] for future in futures] == [
        ["Success"],
        ["Lost", "Error", "Error", "Success"],
        ["Error", "Error", "Error", "Success"],
    ]
    assert [(tmp_path / str(x)).read_text() for x in range(3)] == ["x", "xxxx", "xxxx"]


def test_ctrl_c_cancels_a_call_that_pauses(drive: Drive) -> None:
    program = textwrap.dedent("""
        import lithops

        def fail(x):
            raise ValueError(x)

        if __name__ == "__main__":
            fexec = lithops.FunctionExecutor(worker_processes=1)
            policy = lithops.RetryPolicy(retries=9, first_delay_s=1e6, longest_delay_s=1e6)
            future = fexec.call_async(fail, 1, retries=policy)
            while not future.attempts:
                fexec.wait(future, timeout=0.01)
            interrupt_while_in("wait_for")
            try:
                fexec.get_result(future)
            except KeyboardInterrupt:
                print(future.cancelled(), len(future.attempts), fexec.call_async(abs, -1).result())
            fexec.close()
    """)
    driver = drive(inspect.getsource(interrupt_while_in) + program)
    assert driver.finish() == (0, "True 1 1\n", "")


def test_a_child_of_a_fork_can_read_attempts_and_see_that_nothing_goes_on_there(drive: Drive) -> None:
    driver = drive("""
        import os
        import warnings
        import lithops

        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads

        def fail(x):
            raise ValueError(x)

        if __name__ == "__main__":
            fexec = lithops.FunctionExecutor(worker_processes=1)
            future = fexec.call_async(fail, 1, retries=1)
            fexec.wait(future, throw_except=False)
            if (child := os.fork()) == 0:
                print([attempt.number for attempt in future.attempts], flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            fexec.close()
    """)
    assert driver.finish() == (0, "[1, 2]\n", "")
