"""The time left, on clocks that the tests turn themselves."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from dataclasses import dataclass

import pytest

from lithops.progress.eta import Eta


@dataclass
class Moment:
    at: float
    left: float
    running: int
    eta: float | None


def watch(durations: list[float], workers: int, tick: float = 0.1) -> list[Moment]:
    """Run calls greedily on a pretended clock and ask for the estimate at each tick."""
    running: list[float] = []
    ends: list[float] = []
    now = 0.0
    for seconds in durations:
        if len(running) == workers:
            now = heapq.heappop(running)
            ends.append(now)
        heapq.heappush(running, now + seconds)
    ends += sorted(running)
    eta = Eta(len(ends), 0.0)
    moments = []
    for step in range(int(ends[-1] / tick)):
        at = step * tick
        done = bisect_right(ends, at)
        active = min(workers, len(ends) - done)
        if done:
            eta.record(ends[done - 1], done, active)
        moments.append(Moment(at, ends[-1] - at, active, eta.seconds(at, active)))
    return moments


JOBS = {
    "equal": ([10.0] * 40, 4),
    "last wave not full": ([60.0] * 10, 4),
    "fewer calls than workers": ([5.0, 6.0, 7.0], 8),
    "one call": ([20.0], 4),
    "long calls last": ([0.01] * 5_000 + [30.0] * 10, 4),
    "long calls first": ([30.0] * 10 + [0.01] * 5_000, 4),
    "slower and slower": ([0.1 * call for call in range(100)], 4),
}


@pytest.mark.parametrize("job", JOBS)
def test_the_estimate_is_never_below_a_second_while_calls_run(job: str) -> None:
    assert all(moment.eta is None or moment.eta >= 1.0 for moment in watch(*JOBS[job]))


@pytest.mark.parametrize("job", JOBS)
def test_nothing_is_claimed_before_the_first_call_has_ended(job: str) -> None:
    durations, workers = JOBS[job]
    first = min(durations[:workers])
    assert all(moment.eta is None for moment in watch(durations, workers) if moment.at < first)


def test_equal_calls_are_estimated_to_the_tenth_part_from_the_first_wave_on() -> None:
    for moment in watch([10.0] * 40, 4):
        if moment.at > 10.1:
            assert moment.eta == pytest.approx(max(moment.left, 1), rel=0.1, abs=1)


def test_parallel_workers_are_accounted_for() -> None:
    rng = random.Random(7)
    for moment in watch([rng.expovariate(1.0) for _ in range(2_000)], 8):
        if moment.at > 30 and moment.left > 20:
            assert moment.eta == pytest.approx(moment.left, rel=0.35)


def test_a_last_wave_that_is_not_full_takes_as_long_as_a_call() -> None:
    for moment in watch([60.0] * 10, 4):
        if moment.at > 130:
            assert moment.eta == pytest.approx(max(moment.left, 1), abs=2)


def test_an_estimate_grows_or_is_withdrawn_while_nothing_ends() -> None:
    eta = Eta(100, 0.0)
    for second in range(1, 51):
        eta.record(float(second), second, 1)
    told = [eta.seconds(50.0 + silence, 1) for silence in range(120)]
    assert told[0] == pytest.approx(50, abs=2)
    grown = [seconds for seconds in told[3:] if seconds is not None]
    assert grown == sorted(grown)
    assert grown[-1] > 50
    assert told[-1] is None


def test_long_calls_at_the_end_do_not_keep_it_at_a_second() -> None:
    tail = [moment for moment in watch([0.01] * 5_000 + [30.0] * 10, 4) if 16 < moment.at < 36]
    assert tail
    assert all(moment.eta is None or moment.eta > 1.5 for moment in tail)


def test_calls_that_go_back_void_what_was_learnt() -> None:
    eta = Eta(10, 0.0)
    eta.record(1.0, 5, 2)
    assert eta.seconds(1.0, 2) is not None
    eta.record(2.0, 3, 2)
    assert eta.seconds(2.0, 2) is None


def test_a_long_job_keeps_few_samples() -> None:
    eta = Eta(10_000_000, 0.0)
    for tick in range(1, 200_000):
        eta.record(tick * 0.1, tick, 4)
    assert len(eta._samples) < 1_100
    assert eta.seconds(20_000.0, 4) == pytest.approx((10_000_000 - 200_000) * 0.1, rel=0.01)
