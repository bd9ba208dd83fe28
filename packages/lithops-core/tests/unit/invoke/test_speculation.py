"""What takes unusually long is started once more, and the first report of a call wins."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lithops import errors
from lithops.config.settings import SpeculationPolicy
from lithops.types import Activation, Cause, Sink

from .conftest import Make, Platform, forget, lose

AT_ONCE = SpeculationPolicy(quantile=0.5, multiplier=1.0)


def double(x: int) -> int:
    return 2 * x


def hold(gate: threading.Event) -> Callable[[Platform, Activation, Sink], None]:
    """Return a step that answers on a thread of its own, once the gate is open."""

    def later(platform: Platform, activation: Activation, sink: Sink) -> None:
        threading.Thread(target=lambda: gate.wait(30) and platform.run(activation, sink), daemon=True).start()

    return later


def backups(platform: Platform) -> list[Activation]:
    return [activation for activation in platform.seen if activation.backup_of is not None]


def test_a_straggler_is_started_once_more_and_not_waited_for(bench: Make) -> None:
    here = bench(forget, speculation=AT_ONCE)
    futures = here.map(double, range(10))
    assert here.results(futures) == [2 * x for x in range(10)]
    (backup,) = backups(here.platform)
    assert backup.backup_of == here.platform.seen[0].activation_id
    assert backup.ranges == here.platform.seen[0].ranges
    assert {len(future.attempts) for future in futures} == {1}


def test_nothing_is_started_twice_unless_it_is_asked_for(bench: Make) -> None:
    gate = threading.Event()
    here = bench(hold(gate))
    futures = here.map(double, range(10))
    gate.set()
    assert here.results(futures) == [2 * x for x in range(10)]
    assert backups(here.platform) == []


def test_the_answer_that_comes_second_is_dropped(bench: Make) -> None:
    gate = threading.Event()
    here = bench(hold(gate), speculation=AT_ONCE)
    futures = here.map(lambda x: object.__new__(object) and x, range(6))
    assert here.results(futures) == list(range(6))
    gate.set()
    assert here.results(here.map(double, range(3))) == [0, 2, 4]
    assert {len(future.attempts) for future in futures} == {1}


def test_of_two_the_one_that_is_lost_is_not_missed(bench: Make) -> None:
    gate = threading.Event()
    here = bench(
        hold(gate), *[Platform.run] * 5, lose(Cause.UNREACHABLE), speculation=AT_ONCE, infrastructure_retries=0
    )
    futures = here.map(double, range(6))
    while not backups(here.platform):
        threading.Event().wait(0.01)
    gate.set()
    assert here.results(futures) == [2 * x for x in range(6)]
    assert {len(future.attempts) for future in futures} == {1}


def test_when_both_are_lost_the_call_is(bench: Make) -> None:
    gate = threading.Event()

    def lose_later(platform: Platform, activation: Activation, sink: Sink) -> None:
        def run() -> None:
            gate.wait(30)
            sink.lost(activation.activation_id, Cause.UNREACHABLE, "late", ())

        threading.Thread(target=run, daemon=True).start()

    here = bench(lose_later, *[Platform.run] * 5, lose(Cause.KILLED), speculation=AT_ONCE, infrastructure_retries=0)
    futures = here.map(double, range(6))
    while not backups(here.platform):
        threading.Event().wait(0.01)
    gate.set()
    first, *others = here.results(futures)
    assert isinstance(first, errors.WorkerLostError)
    assert others == [2 * x for x in range(1, 6)]


def test_backups_keep_within_what_the_platform_takes(bench: Make) -> None:
    gate = threading.Event()
    here = bench(hold(gate), speculation=AT_ONCE, in_flight=1)
    futures = here.map(double, range(4))
    threading.Event().wait(0.3)
    gate.set()
    assert here.results(futures) == [0, 2, 4, 6]
    assert here.platform.most_open <= 1
