"""What is made of measurements."""

from __future__ import annotations

import math

import pytest
from cases import CASES, load_case
from cases.bimodal import CALLS, LONG_CALLS, PLACES, greedy_s, placed
from peers import PARTICIPANTS
from records import OURS, Measurement, Plan, Results, at_most
from report import Run, render


def measured(peer: str, *walls: float) -> list[Measurement]:
    return [
        Measurement(case="cpu_bound", variant="map", peer=peer, round=number, values={"wall_per_call_s": wall})
        for number, wall in enumerate(walls)
    ]


def run_of(*measurements: Measurement, busy_before: float = 0.0) -> Run:
    return Run(
        case=load_case("cpu_bound"),
        command="python benchmarks/run.py",
        machine="2 cores",
        at="2026-01-01 00:00",
        commit="abc",
        seconds=12,
        busy_before=busy_before,
        busy_after=0.0,
        measurements=measurements,
    )


def test_a_ratio_is_taken_within_a_round_before_the_median_is() -> None:
    results = Results([*measured(OURS, 1.0, 9.0, 2.0), *measured("bare-fork", 1.0, 3.0, 1.0)])
    assert results.ratio("cpu_bound", "map", OURS, "bare-fork", "wall_per_call_s") == 2.0


def test_a_ratio_with_nobody_is_not_a_number() -> None:
    assert math.isnan(Results(measured(OURS, 1.0)).ratio("cpu_bound", "map", OURS, "ray", "wall_per_call_s"))


@pytest.mark.parametrize(
    ("value", "said", "met"), [(1.02, "1.020x", True), (1.04, "1.040x", False), (math.nan, "not measured", None)]
)
def test_a_bar_is_met_missed_or_not_measured(value: float, said: str, met: bool | None) -> None:
    verdict = at_most("this", value, 1.03, ".3f", "x")
    assert (verdict.target, verdict.measured, verdict.met) == ("<= 1.030x", said, met)


def test_greedy_gives_each_call_to_whoever_is_free_first() -> None:
    assert greedy_s([True, False, False], 2) == pytest.approx(0.5)
    for place in PLACES[:2]:
        assert greedy_s(placed(place, CALLS, LONG_CALLS), 2) == pytest.approx(2.9995)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_the_same_number_of_long_calls(place: str) -> None:
    assert sum(placed(place, CALLS, LONG_CALLS)) == LONG_CALLS


def test_the_report_shows_targets_figures_and_failures() -> None:
    failed = Measurement(case="cpu_bound", variant="map", peer="ray", round=0, error="exit status 1: no ray today")
    text = render([run_of(*measured(OURS, 0.0121), *measured("bare-fork", 0.0120), failed)])
    assert "| 200 x 24 ms CPU / bare fork, median of rounds | <= 1.030x | 1.008x | yes |" in text
    assert "| **lithops-core** | 1 | 12.100 | 1.00x |" in text
    assert "| ray | 0 (exit status 1: no ray today) |  |  |" in text
    assert "`python benchmarks/run.py` at commit abc" in text
    assert "provisional" not in text


def test_a_run_on_a_busy_machine_is_marked() -> None:
    assert "Others kept 1.5 cores busy; these figures are provisional" in render([run_of(busy_before=1.5)])


@pytest.mark.parametrize("key", CASES)
def test_every_case_is_whole(key: str) -> None:
    case = load_case(key)
    assert case.key == key
    assert (case.measure is None) != (case.script is None)
    assert set(case.rounds) | set(case.only) <= set(PARTICIPANTS)
    assert all(set(variants) <= set(case.variants) for variants in case.only.values())
    assert all(verdict.met is None for verdict in case.judge(Results([])))


@pytest.mark.parametrize("key", PARTICIPANTS)
def test_every_adapter_offers_what_cases_need_without_its_library(key: str) -> None:
    adapter = PARTICIPANTS[key].load()
    assert adapter.IMPORT.startswith("import ")
    assert all(callable(getattr(adapter.Adapter, name)) for name in ("open", "map", "map_shared", "call", "close"))
    compile(adapter.FIRST_RESULT, key, "exec")


def test_a_quick_plan_shrinks_a_case_but_not_to_nothing() -> None:
    assert Plan(workers=2, scale=0.1).sized(10_000) == 1000
    assert Plan(workers=2, scale=0.1).sized(20) == 8
