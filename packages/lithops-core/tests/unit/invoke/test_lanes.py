"""Calls that travel as requests: packed, bounded, in turn, and never lost."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from lithops import errors
from lithops.futures import FuturesList
from lithops.types import Cause

from .conftest import Make, Platform, forget, lose, run_twice, throttle


def double(x: int) -> int:
    return 2 * x


def tries(futures: FuturesList) -> list[int]:
    return [len(future.attempts) for future in futures]


def test_each_call_has_an_activation_and_results_are_in_order(bench: Make) -> None:
    here = bench()
    assert here.results(here.map(double, range(20))) == [2 * x for x in range(20)]
    assert [[part.count for part in a.ranges] for a in here.platform.seen] == [[1]] * 20


def test_an_activation_has_as_many_calls_as_the_user_says_and_the_backend_takes(bench: Make) -> None:
    here = bench()
    assert here.results(here.map(double, range(25), chunksize=4)) == [2 * x for x in range(25)]
    assert [a.ranges[0].count for a in here.platform.seen] == [4, 4, 4, 4, 4, 4, 1]
    assert here.results(here.map(double, range(25), chunksize=1000)) == [2 * x for x in range(25)]
    assert [a.ranges[0].count for a in here.platform.seen[7:]] == [10, 10, 5]


def test_no_more_activations_are_open_than_the_backend_takes(bench: Make) -> None:
    here = bench(in_flight=3)
    assert here.results(here.map(double, range(40))) == [2 * x for x in range(40)]
    assert here.platform.most_open <= 3


def test_items_of_any_kind_travel_alone(bench: Make) -> None:
    here = bench()
    items = [1, "text", {"x": 2}, [3, "four"], None, b"five", 2.5] * 3
    assert here.results(here.map(repr, [(item,) for item in items])) == [repr(item) for item in items]


def test_arrays_travel_as_buffers_of_their_own(bench: Make) -> None:
    here = bench(request_bytes=1 << 22)
    arrays = [np.full(20_000, k, dtype=np.int64) for k in range(5)]
    assert here.results(here.map(lambda a: int(a.sum()), arrays, chunksize=2)) == [20_000 * k for k in range(5)]


def test_an_input_too_large_says_by_how_much(bench: Make) -> None:
    here = bench(request_bytes=100_000)
    first, second, third = here.results(here.map(len, ["a", "b" * 200_000, "c"], chunksize=3))
    assert (first, third) == (1, 1)
    assert isinstance(second, errors.InputTooLargeError)
    for part in ("the function (", "call 00001 of 'len'", "takes 100,000"):
        assert part in str(second)


def test_a_result_too_large_fails_alone(bench: Make) -> None:
    here = bench(response_bytes=50_000)
    small, large = here.results(here.map(lambda n: b"x" * n, [10, 90_000]))
    assert small == b"x" * 10
    assert isinstance(large, errors.ResultTooLargeError)
    assert "an answer of this backend 50,000 at most" in str(large)


def test_what_is_put_off_is_done_later_and_no_attempt_is_charged(bench: Make) -> None:
    here = bench(*[throttle] * 12, in_flight=8)
    futures = here.map(double, range(10))
    assert here.results(futures) == [2 * x for x in range(10)]
    assert tries(futures) == [1] * 10


def test_a_platform_that_takes_nothing_any_more_ends_the_calls(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    here = bench(*[throttle] * 10_000)
    monkeypatch.setattr("lithops.invoke.invoker.GRACE_S", 0.0)
    (failure,) = here.results(here.map(double, [1], timeout_s=0.5))
    assert isinstance(failure, errors.ThrottledError)
    assert str(failure).startswith("backend 'platform' has taken no call for ")
    assert str(failure).endswith("raise its limit, or lower max_workers")


def test_lost_answers_are_made_up_for(bench: Make) -> None:
    here = bench(*[lose(Cause.UNREACHABLE)] * 3)
    futures = here.map(double, range(5))
    assert here.results(futures) == [0, 2, 4, 6, 8]
    assert sum(tries(futures)) == 8


def test_a_call_whose_answers_are_always_lost_fails(bench: Make) -> None:
    here = bench(*[lose(Cause.UNREACHABLE)] * 3, infrastructure_retries=2)
    (failure,) = here.results(here.map(double, [1]))
    assert isinstance(failure, errors.WorkerLostError)
    assert str(failure) == "the worker was lost 3 times (unreachable): as the script says"


@pytest.mark.parametrize("cause", [Cause.KILLED, Cause.PREEMPTED, Cause.FORGED])
def test_whatever_takes_an_activation_down_from_outside_is_made_up_for(bench: Make, cause: Cause) -> None:
    here = bench(*[lose(cause)] * 3)
    assert here.results(here.map(double, [1])) == [2]


def test_a_call_whose_worker_process_is_killed_gets_one_more(bench: Make) -> None:
    here = bench()
    (failure,) = here.results(here.map(lambda _: os.kill(os.getpid(), signal.SIGKILL), [1]))
    assert isinstance(failure, errors.WorkerLostError)
    assert "lost its worker 2 times" in str(failure)


def test_a_call_that_takes_its_activation_down_fails_as_what_it_was(bench: Make) -> None:
    here = bench(*(lose(cause) for cause in (Cause.CRASHED, Cause.MEMORY, Cause.TIMEOUT)))
    kinds = [type(failure) for failure in here.results(here.map(double, range(3)))]
    assert kinds == [errors.WorkerCrashedError, errors.MemoryLimitError, errors.CallTimeoutError]


def test_such_a_call_is_retried_if_the_user_says_so(bench: Make) -> None:
    here = bench(lose(Cause.CRASHED), lose(Cause.CRASHED))
    assert here.results(here.map(double, [4], retries=2)) == [8]


def test_of_several_calls_only_the_guilty_one_fails(bench: Make) -> None:
    crash = lose(Cause.CRASHED)
    here = bench(crash, Platform.run, crash)
    futures = here.map(double, range(3), chunksize=3)
    first, second, third = here.results(futures)
    assert (first, third) == (0, 4)
    assert isinstance(second, errors.WorkerCrashedError)
    assert tries(futures) == [1, 1, 1]


def test_an_answer_that_comes_twice_counts_once(bench: Make) -> None:
    here = bench(run_twice, run_twice)
    assert here.results(here.map(double, range(3))) == [0, 2, 4]


def test_an_activation_that_nobody_speaks_of_is_tried_again(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("launcher", "watch"):
        monkeypatch.setattr(f"lithops.invoke.{module}.GRACE_S", 0.1)
    here = bench(forget)
    assert here.results(here.map(double, [3], timeout_s=0.2)) == [6]


def test_jobs_take_turns(bench: Make) -> None:
    gate = threading.Event()

    def hold(platform: Platform, activation: object, sink: object) -> None:
        gate.wait(30)
        platform.run(activation, sink)  # type: ignore[arg-type]

    here = bench(hold, in_flight=1)
    long, short = here.map(double, range(200)), here.map(double, [5])
    gate.set()
    assert here.results(short) == [10]
    assert len(here.platform.seen) < 150
    assert here.results(long) == [2 * x for x in range(200)]


def test_what_is_cancelled_while_it_waits_is_not_started(bench: Make) -> None:
    gate = threading.Event()

    def hold(platform: Platform, activation: object, sink: object) -> None:
        gate.wait(30)
        platform.run(activation, sink)  # type: ignore[arg-type]

    here = bench(hold, in_flight=1)
    futures = here.map(double, range(50))
    for future in futures[1:40]:
        future.cancel()
    gate.set()
    assert here.results(futures)[40:] == [2 * x for x in range(40, 50)]
    assert len(here.platform.seen) == 11
