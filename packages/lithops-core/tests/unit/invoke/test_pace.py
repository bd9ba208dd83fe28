"""How many activations are kept open follows what the platform takes."""

from __future__ import annotations

import pytest

from lithops.invoke.pace import Pace

from .conftest import Make


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set; there is no luck."""
    clock = [1000.0]
    monkeypatch.setattr("lithops.invoke.pace.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("lithops.invoke.pace.jitter", lambda: 1.0)
    return clock


def test_without_a_bound_any_number_may_be_started() -> None:
    assert Pace(None).room(10_000) is None


def test_up_to_the_bound_may_be_open() -> None:
    assert [Pace(10).room(n) for n in (0, 4, 10, 12)] == [10, 6, 0, 0]


def test_what_is_put_off_halves_the_number_once_a_round(now: list[float]) -> None:
    pace = Pace(100)
    for _ in range(5):
        pace.put_off(1, 99, 999.0, None)
    assert pace.room(0) == 50
    now[0] = 1001.0
    pace.put_off(1, 49, 1000.5, None)
    assert pace.room(0) == 25


def test_what_is_taken_lets_it_grow_again_up_to_the_bound(now: list[float]) -> None:
    pace = Pace(100)
    pace.put_off(1, 99, 999.0, None)
    for _ in range(50):
        pace.took(1)
    assert 51 <= (pace.room(0) or 0) <= 56
    for _ in range(2000):
        pace.took(1)
    assert pace.room(0) == 100
    assert not pace.slowed


def test_pauses_grow_while_nothing_is_taken_and_are_bounded(now: list[float]) -> None:
    pace, pauses = Pace(1), []
    for _ in range(12):
        pace.put_off(1, 0, now[0], None)
        pauses.append(pace.pause_s)
        now[0] += pace.pause_s
    assert pauses[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert max(pauses) == pytest.approx(20)
    assert pace.starved_s == pytest.approx(sum(pauses))
    pace.took(1)
    assert pace.starved_s == 0
    pace.put_off(1, 0, now[0], None)
    assert pace.pause_s == pytest.approx(0.2)


def test_the_platforms_own_pause_is_kept(now: list[float]) -> None:
    pace = Pace(10)
    pace.put_off(1, 9, 999.0, 3.0)
    assert pace.pause_s == 3.0
    pace.put_off(1, 8, 999.0, 1_000_000.0)
    assert pace.pause_s == 20


def test_a_pause_that_ends_while_it_is_looked_at_is_no_reason_to_wait(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = iter([0.0001, *[0.0] * 1000])
    monkeypatch.setattr(Pace, "pause_s", property(lambda _: next(ends)))
    here = bench()
    assert here.results(here.map(abs, [-1, -2, -3])) == [1, 2, 3]
