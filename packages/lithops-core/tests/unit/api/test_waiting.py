"""`wait`, `as_completed` and their timeouts, from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops import FunctionExecutor
from lithops.errors import BadCallError, JobTimeoutError
from lithops.futures import FuturesList
from lithops.wait import ALL_COMPLETED, ALWAYS, ANY_COMPLETED, as_completed

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


def test_all_completed_is_the_default(fexec: FunctionExecutor) -> None:
    futures = fexec.map(abs, range(5))
    done, not_done = fexec.wait(futures)
    assert (done, not_done) == (futures, [])
    assert all(f.ready for f in futures)


def test_always_returns_at_once(fexec: FunctionExecutor, gate: Gate) -> None:
    futures = fexec.map(pass_gate, [gate.path] * 2)
    done, not_done = fexec.wait(futures, return_when=ALWAYS)
    assert (done, not_done) == ([], futures)
    gate.open(2)
    assert fexec.wait(futures, timeout=DEADLINE_S)[1] == []


def test_any_completed_returns_with_the_first(fexec: FunctionExecutor, gate: Gate) -> None:
    waiting, quick = fexec.call_async(pass_gate, gate.path), fexec.call_async(abs, -1)
    done, not_done = fexec.wait([waiting, quick], return_when=ANY_COMPLETED)
    assert (done, not_done) == ([quick], [waiting])
    gate.open()
    assert fexec.wait(waiting, timeout=DEADLINE_S, return_when=ALL_COMPLETED) == ([waiting], [])


@pytest.mark.parametrize(("percent", "needed"), [(1, 1), (25, 1), (26, 2), (50, 2), (75, 3), (99.5, 4), (100, 4)])
def test_a_percentage_is_enough(fexec: FunctionExecutor, gate: Gate, percent: float, needed: int) -> None:
    futures = fexec.map(pass_gate, [gate.path] * 4)
    gate.open(needed)
    done, _ = fexec.wait(futures, return_when=percent, timeout=DEADLINE_S)  # type: ignore[arg-type]
    assert len(done) == needed
    gate.open(4 - needed)
    assert fexec.wait(futures, timeout=DEADLINE_S)[1] == []


def test_a_timeout_returns_what_there_is_and_stops_nothing(fexec: FunctionExecutor, gate: Gate) -> None:
    quick, waiting = fexec.call_async(abs, -1), fexec.call_async(pass_gate, gate.path)
    gate.arrival()
    quick.result()
    begin = time.monotonic()
    done, not_done = fexec.wait([quick, waiting], timeout=0.05)
    assert 0.05 <= time.monotonic() - begin < DEADLINE_S
    assert (done, not_done) == ([quick], [waiting])
    assert waiting.running
    gate.open()
    assert fexec.wait(not_done, timeout=DEADLINE_S) == ([waiting], [])
    assert waiting.success


def test_a_timeout_of_zero_only_looks(fexec: FunctionExecutor, gate: Gate) -> None:
    futures = fexec.map(pass_gate, [gate.path])
    assert fexec.wait(futures, timeout=0) == ([], futures)
    gate.open()


def test_any_thread_may_wait_with_a_timeout(fexec: FunctionExecutor, gate: Gate) -> None:
    futures = fexec.map(pass_gate, [gate.path] * 2)
    seen: list[tuple[int, int]] = []

    def look() -> None:
        done, not_done = lithops.wait(futures, timeout=0.02)
        seen.append((len(done), len(not_done)))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert seen == [(0, 2)] * 4
    gate.open(2)
    assert fexec.wait(futures, timeout=DEADLINE_S)[1] == []


def test_one_failure_fails_one_future_only(fexec: FunctionExecutor, gate: Gate) -> None:
    def fragile(path: str) -> str:
        if path == "bad":
            raise OSError("bad")
        return path

    futures = fexec.map(fragile, ["a", "bad", "c", "d"])
    with pytest.raises(OSError, match="bad"):
        fexec.wait(futures)
    assert [f.state for f in futures] == ["Success", "Error", "Success", "Success"]


def test_without_throw_except_a_wait_raises_nothing(fexec: FunctionExecutor) -> None:
    futures = fexec.map(lambda x: 1 // x, [1, 0])
    assert fexec.wait(futures, throw_except=False) == (futures, [])
    assert futures[1].error


def test_a_single_future_may_be_waited_for(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(abs, -1)
    assert lithops.wait(future) == ([future], [])


def test_waiting_without_futures_waits_for_what_was_not_read(lone: FunctionExecutor) -> None:
    lone.get_result()
    call, mapped = lone.call_async(abs, -1), lone.map(abs, [1, 2])
    done, not_done = lone.wait()
    assert (done, not_done) == ([call, *mapped], [])
    lone.get_result()
    assert lone.wait() == ([], [])


def test_options_of_old_are_accepted(lone: FunctionExecutor) -> None:
    futures = lone.map(abs, [1])
    assert lone.wait(futures, threadpool_size=8, wait_dur_sec=0.1, show_progressbar=False)[0] == futures
    assert lone.get_result(futures, threadpool_size=8, wait_dur_sec=2) == [1]
    assert lithops.wait(futures, threadpool_size=8, wait_dur_sec=2)[0] == futures


def test_as_completed_yields_in_the_order_of_the_ends(fexec: FunctionExecutor, gate: Gate) -> None:
    waiting, quick = fexec.call_async(pass_gate, gate.path), fexec.call_async(abs, -1)
    ends = fexec.as_completed([waiting, quick])
    assert next(ends) == quick
    gate.open()
    assert next(ends) == waiting
    with pytest.raises(StopIteration):
        next(ends)


def test_as_completed_yields_each_once(fexec: FunctionExecutor, lone: FunctionExecutor) -> None:
    futures = [*fexec.map(abs, range(300)), *lone.map(abs, range(300))]
    assert sorted(f.result() for f in as_completed(futures)) == sorted([*range(300), *range(300)])
    assert len(list(as_completed(futures))) == 600
    assert list(as_completed([])) == []
    assert list(as_completed(futures[0])) == [futures[0]]


def test_as_completed_has_a_timeout_for_all_of_it(fexec: FunctionExecutor, gate: Gate) -> None:
    quick, waiting = fexec.call_async(abs, -1), fexec.call_async(pass_gate, gate.path)
    quick.result()
    ends = as_completed([waiting, quick], timeout=0.05)
    assert next(ends) == quick
    with pytest.raises(JobTimeoutError, match=r"1 of 2 calls have ended after 0\.05 s; the others go on"):
        next(ends)
    gate.open()
    assert list(as_completed([waiting], timeout=DEADLINE_S)) == [waiting]


def test_an_abandoned_as_completed_leaves_nothing_registered(fexec: FunctionExecutor, gate: Gate) -> None:
    quick, waiting = fexec.call_async(abs, -1), fexec.call_async(pass_gate, gate.path)
    ends = as_completed([quick, waiting])
    next(ends)
    ends.close()  # type: ignore[attr-defined]
    assert waiting._job.table._callbacks == {}
    gate.open()


def test_a_slow_callback_does_not_keep_as_completed_busy(fexec: FunctionExecutor) -> None:
    release = threading.Event()
    future = fexec.call_async(abs, -1)
    future.add_done_callback(lambda _: release.wait(DEADLINE_S))
    ends: list[object] = []
    thread = threading.Thread(target=lambda: ends.extend(as_completed([future])))
    thread.start()
    release.set()
    thread.join(DEADLINE_S)
    assert ends == [future]


def test_a_bar_is_shown_to_nobody_where_there_is_no_terminal(
    fexec: FunctionExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    fexec.wait(fexec.map(abs, range(50)))
    fexec.map(abs, range(50)).get_result()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": -1}, "timeout must not be negative, found -1"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds or None, found nan"),
        ({"timeout": "5"}, "timeout must be a number of seconds or None, found '5'"),
        ({"return_when": 101}, "return_when must be ALL_COMPLETED, .* from 1 to 100, found 101"),
        ({"return_when": "all"}, "return_when must be .* found 'all'"),
        ({"return_when": True}, "return_when must be .* found True"),
        ({"return_when": False}, "return_when must be .* found False"),
    ],
)
def test_a_senseless_wait_is_refused(fexec: FunctionExecutor, options: dict[str, object], message: str) -> None:
    futures = fexec.map(abs, [1])
    with pytest.raises(BadCallError, match=message):
        fexec.wait(futures, **options)  # type: ignore[arg-type]
    if "timeout" in options:
        with pytest.raises(BadCallError, match=message):
            fexec.get_result(futures, **options)  # type: ignore[arg-type]
        with pytest.raises(BadCallError, match=message):
            futures[0].result(**options)  # type: ignore[arg-type]
        with pytest.raises(BadCallError, match=message):
            as_completed(futures, **options)  # type: ignore[arg-type]
    assert fexec.wait(futures) == (futures, [])


@pytest.mark.parametrize("garbage", [3, [3], ["M000"], object], ids=repr)
def test_what_is_no_future_cannot_be_waited_for(fexec: FunctionExecutor, garbage: Any) -> None:
    for method in (lithops.wait, lithops.get_result, as_completed, fexec.wait, fexec.get_result):
        with pytest.raises(BadCallError, match=r"expected (a future or a list of )?futures, found .* of type"):
            method(garbage)


def test_a_number_that_no_clock_can_hold_is_as_good_as_no_timeout(fexec: FunctionExecutor) -> None:
    assert fexec.get_result(fexec.map(abs, [-1]), timeout=10**400) == [1]


def test_whatever_makes_no_sense_is_a_value_error_and_a_type_error_as_well(fexec: FunctionExecutor) -> None:
    futures = fexec.map(abs, [1])
    senseless: list[Callable[[], object]] = [
        lambda: fexec.wait(futures, return_when=-7),
        lambda: fexec.wait(futures, timeout=-1),
        lambda: fexec.map(abs, [1], timeout=-1),
        lambda: fexec.map(abs, [1], retries=-1),
        lambda: lithops.RetryPolicy(retries=1, on=5),  # type: ignore[arg-type]
        lambda: fexec.call_async(abs, (1, 2)),
        lambda: FuturesList().wait(),
        lambda: lithops.wait(5),  # type: ignore[arg-type]
    ]
    for call in senseless:
        for kind in (ValueError, TypeError, BadCallError):
            with pytest.raises(kind):
                call()
