"""Workers that die: by a hand from outside, by their own call, by the pool's."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import lithops
from lithops.errors import CallTimeoutError, WorkerCrashedError, WorkerLostError

Make = Callable[..., lithops.FunctionExecutor]
Until = Callable[..., Any]
Alive = Callable[[int], bool]


def pid(_item: object = None) -> int:
    return os.getpid()


def double(x: int) -> int:
    return 2 * x


class Turnstile:
    """A call that waits at it says so with its pid, and goes on when the test opens it."""

    def __init__(self, folder: Path) -> None:
        self.arrivals = folder / "arrivals"
        self.fifo = folder / "turnstile"
        os.mkfifo(self.fifo)

    def pass_through(self) -> None:
        with self.arrivals.open("a") as file:
            file.write(f"{os.getpid()}\n")
        with self.fifo.open("rb") as fifo:
            fifo.read()

    def pids(self) -> list[int]:
        return [int(line) for line in self.arrivals.read_text().splitlines()] if self.arrivals.exists() else []

    def open(self) -> None:
        with self.fifo.open("wb"):
            pass


@pytest.fixture
def turnstile(tmp_path: Path) -> Turnstile:
    return Turnstile(tmp_path)


# --- killed from outside


def test_a_worker_killed_before_a_call_is_replaced(
    one: lithops.FunctionExecutor, until: Until, is_alive: Alive
) -> None:
    first = one.call_async(pid, 0).result()
    os.kill(first, signal.SIGKILL)
    until(lambda: not is_alive(first))
    second = one.call_async(pid, 0).result()
    assert second != first


def test_calls_queued_behind_a_killed_worker_run_once_and_are_charged_nothing(
    one: lithops.FunctionExecutor, turnstile: Turnstile, until: Until, tmp_path: Path
) -> None:
    def work(x: int) -> int:
        if x == 0:
            turnstile.pass_through()
        with (tmp_path / "ran").open("a") as file:
            file.write(f"{x}\n")
        return x

    futures = one.map(work, range(50), chunksize=25)
    (victim,) = until(turnstile.pids)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(turnstile.pids()) == 2)
    turnstile.open()
    assert one.get_result(futures) == list(range(50))
    assert [future.stats["attempt"] for future in futures] == [2] + [1] * 49
    assert sorted(map(int, (tmp_path / "ran").read_text().split())) == list(range(50))


def test_a_worker_killed_during_a_call_has_the_call_tried_again(
    executor: lithops.FunctionExecutor, turnstile: Turnstile, until: Until
) -> None:
    def wait(_x: int) -> int:
        turnstile.pass_through()
        return os.getpid()

    future = executor.call_async(wait, 1)
    (victim,) = until(turnstile.pids)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(turnstile.pids()) == 2)
    turnstile.open()
    assert future.result() == turnstile.pids()[1] != victim


def test_a_worker_killed_after_a_call_takes_no_result_with_it(
    one: lithops.FunctionExecutor, until: Until, is_alive: Alive
) -> None:
    futures = one.map(pid, range(100))
    done = one.get_result(futures)
    os.kill(done[0], signal.SIGKILL)
    until(lambda: not is_alive(done[0]))
    assert one.get_result(futures) == done
    assert one.call_async(double, 4).result() == 8


def test_a_call_whose_worker_is_killed_twice_is_given_up_and_harms_no_other(executor: lithops.FunctionExecutor) -> None:
    def suicide(x: int) -> int:
        if x == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    futures = executor.map(suicide, range(8))
    results = executor.get_result(futures, throw_except=False)
    assert results[:3] + results[4:] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(results[3], WorkerLostError)
    assert str(results[3]) == (
        "the call lost its worker 2 times; the last time: the worker process was killed with SIGKILL from outside, "
        "e.g. by an operator or as the host lacked memory"
    )


def test_without_infrastructure_retries_a_call_is_given_up_at_once(make: Make) -> None:
    executor = make(1, config={"lithops": {"infrastructure_retries": 0, "backend": "localhost"}})
    error = executor.call_async(lambda x: os.kill(os.getpid(), signal.SIGKILL), 0).exception()
    assert isinstance(error, WorkerLostError)
    assert str(error).startswith("the call lost its worker once; the last time: the worker process was killed with")


def test_a_call_that_is_given_up_has_statistics_as_any_that_failed(one: lithops.FunctionExecutor) -> None:
    future = one.call_async(lambda x: os.kill(os.getpid(), signal.SIGKILL), 0)
    one.wait(future, throw_except=False)
    assert (future.state, future.stats["state"], future.stats["attempt"]) == ("Error", "Error", 2)


def test_workers_killed_over_and_over_while_idle_do_not_wear_the_pool_out(
    one: lithops.FunctionExecutor, until: Until, is_alive: Alive
) -> None:
    for _ in range(15):
        victim = one.call_async(pid, 0).result()
        os.kill(victim, signal.SIGKILL)
        until(lambda victim=victim: not is_alive(victim))
    assert one.call_async(double, 1).result() == 2


def test_the_zygote_killed_in_the_middle_of_a_job_ends_its_workers_and_the_job_goes_on(
    executor: lithops.FunctionExecutor,
    turnstile: Turnstile,
    zygote_of: Callable[[], psutil.Process],
    until: Until,
    is_alive: Alive,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def work(x: int) -> int:
        if x == 0:
            turnstile.pass_through()
        return x

    futures = executor.map(work, range(20))
    (old,) = until(turnstile.pids)
    zygote_of().kill()
    until(lambda: not is_alive(old), what="the end of the old worker")
    until(lambda: len(turnstile.pids()) == 2)
    turnstile.open()
    assert executor.get_result(futures) == list(range(20))
    assert "the worker pool starts afresh: the process that starts the workers" in caplog.text


def test_a_zygote_that_is_killed_between_jobs_is_replaced(
    executor: lithops.FunctionExecutor, zygote_of: Callable[[], psutil.Process]
) -> None:
    assert executor.call_async(double, 1).result() == 2
    zygote_of().kill()
    assert executor.get_result(executor.map(double, range(10))) == list(range(0, 20, 2))


# --- their own doing


def test_os_exit_is_the_calls_own_failure_and_is_not_tried_again(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def leave(_x: int) -> None:
        with (tmp_path / "tries").open("a") as file:
            file.write("x")
        os._exit(3)

    error = one.call_async(leave, 0).exception()
    assert type(error) is WorkerCrashedError
    assert str(error) == "the call ended its worker process with exit code 3 (os._exit or native code)"
    assert (tmp_path / "tries").read_text() == "x"
    assert one.call_async(double, 2).result() == 4


def test_os_exit_with_zero_is_a_failure_too(one: lithops.FunctionExecutor) -> None:
    with pytest.raises(WorkerCrashedError, match="exit code 0"):
        one.call_async(lambda x: os._exit(0), 0).result()


def test_retries_hold_for_crashes_as_well(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def leave_once(x: int) -> int:
        if not (tmp_path / "tried").exists():
            (tmp_path / "tried").touch()
            os._exit(3)
        return x

    assert one.call_async(leave_once, 7, retries=1).result() == 7


def test_a_segfault_fails_its_call_alone_and_shows_where_it_was(executor: lithops.FunctionExecutor) -> None:
    def crash(x: int) -> int:
        if x == 5:
            print("last words", flush=True)
            ctypes.string_at(0)
        return x

    results = executor.get_result(executor.map(crash, range(10)), throw_except=False)
    assert [r for r in results if not isinstance(r, Exception)] == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert isinstance(results[5], WorkerCrashedError)
    message = str(results[5])
    assert message.startswith("the call crashed its worker process with SIGSEGV; its last output was:\n")
    assert "last words" in message
    assert "in crash" in message  # the trace that the worker wrote while it died


def test_only_the_running_call_is_charged_an_attempt(one: lithops.FunctionExecutor) -> None:
    def die(x: int) -> int:
        if x in (10, 30):
            os._exit(1)
        return x

    futures = one.map(die, range(40), chunksize=40)
    results = one.get_result(futures, throw_except=False)
    assert [k for k, r in enumerate(results) if isinstance(r, WorkerCrashedError)] == [10, 30]
    assert {future.stats["attempt"] for future in futures} == {1}


# --- the pool's own hand


def spin(_x: int = 0) -> None:
    while True:
        pass


def test_an_infinite_loop_ends_at_its_timeout(one: lithops.FunctionExecutor) -> None:
    start = time.monotonic()
    with pytest.raises(CallTimeoutError, match=r"^the call ran longer than its timeout of 0\.2 s and was ended$"):
        one.call_async(spin, 0, timeout=0.2).result(timeout=20)
    assert time.monotonic() - start < 10
    assert one.call_async(double, 3).result() == 6


def test_a_call_that_ignores_sigterm_ends_at_its_timeout(
    one: lithops.FunctionExecutor, tmp_path: Path, until: Until, is_alive: Alive
) -> None:
    def stubborn(_x: int) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        (tmp_path / "pid").write_text(str(os.getpid()))
        spin()

    assert isinstance(one.call_async(stubborn, 0, timeout=0.3).exception(timeout=20), CallTimeoutError)
    stubborn_pid = int((tmp_path / "pid").read_text())
    until(lambda: not is_alive(stubborn_pid))


def test_a_worker_stopped_from_outside_ends_at_the_timeout_of_its_call(
    one: lithops.FunctionExecutor, turnstile: Turnstile, until: Until
) -> None:
    future = one.call_async(lambda x: turnstile.pass_through(), 0, timeout=0.5)
    (victim,) = until(turnstile.pids)
    os.kill(victim, signal.SIGSTOP)
    assert isinstance(future.exception(timeout=20), CallTimeoutError)


def test_a_timeout_never_hits_the_call_after_it(executor: lithops.FunctionExecutor) -> None:
    def work(x: int) -> int:
        if x % 2:
            time.sleep(0.02)  # just what it may take: some are ended, some are not
        return x

    results = executor.get_result(executor.map(work, range(60), chunksize=2, timeout=0.02), throw_except=False)
    assert results[::2] == list(range(0, 60, 2))
    assert all(r == k or isinstance(r, CallTimeoutError) for k, r in enumerate(results))


def test_long_calls_within_their_timeout_are_left_alone_though_calls_before_them_were_ended(
    executor: lithops.FunctionExecutor,
) -> None:
    def work(x: int) -> int:
        if x == 0:
            spin()
        return x

    results = executor.get_result(executor.map(work, range(200), timeout=0.3), throw_except=False)
    assert isinstance(results[0], CallTimeoutError)
    assert results[1:] == list(range(1, 200))


def test_a_call_can_be_cancelled_before_anybody_has_read_who_runs_it(
    one: lithops.FunctionExecutor, turnstile: Turnstile, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lithops.pool.pool.DOZE_S", 3600.0)  # the pool's own thread would not get up before
    futures = one.map(lambda x: turnstile.pass_through() if x == 0 else x, range(3))
    until(turnstile.pids)
    assert futures[0].cancel()
    assert one.get_result(futures[1:], timeout=20) == [1, 2]
    pump = one._session.plugins.pump()
    assert pump is not None
    pump.attend()


def test_cancelling_a_running_call_ends_its_worker_and_no_other_call(
    one: lithops.FunctionExecutor, turnstile: Turnstile, until: Until, is_alive: Alive
) -> None:
    futures = one.map(lambda x: turnstile.pass_through() if x == 0 else x, range(10), chunksize=10)
    (running,) = until(turnstile.pids)
    assert futures[0].cancel()
    until(lambda: not is_alive(running))
    assert one.get_result(futures[1:]) == list(range(1, 10))
    assert futures[0].cancelled()
