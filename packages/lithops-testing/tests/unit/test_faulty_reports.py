"""Reports meet the faults that were asked for, and the same ones each time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import lithops
from lithops.plugins import installed
from lithops.types import CallRange, CallState, Cause, Report
from lithops.worker.codec import decode_results, report_of_unrun
from lithops_testing.faulty_reports import FaultyReports, FaultyReportsConfig, FaultySink


class Collector:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.losses: list[tuple[str, Cause, str]] = []
        self.arrived = threading.Semaphore(0)

    def reported(self, reports: Sequence[Report]) -> None:
        self.reports += reports
        for _ in reports:
            self.arrived.release()

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        self.losses.append((activation_id, cause, detail))


def report(number: int, activation: str = "a") -> Report:
    return report_of_unrun(CallRange(first=number, count=1), CallState.DONE, number, activation_id=activation)


def faulty(**config: float) -> tuple[FaultySink, Collector]:
    collector = Collector()
    return FaultySink(collector, FaultyReportsConfig.model_validate(config)), collector  # type: ignore[arg-type]


def test_without_faults_reports_pass() -> None:
    sink, collector = faulty()
    sink.reported([report(0), report(1)])
    assert [passed.first for passed in collector.reports] == [0, 1]


def test_a_lost_report_is_a_lost_activation() -> None:
    sink, collector = faulty(lost=1)
    sink.reported([report(0)])
    assert collector.reports == []
    assert collector.losses == [("a", Cause.UNREACHABLE, "a report was lost (as a fault asked for)")]


def test_a_duplicated_report_comes_twice() -> None:
    sink, collector = faulty(duplicated=1)
    sink.reported([report(0)])
    assert collector.reports == [report(0)] * 2 or len(collector.reports) == 2


def test_a_garbled_report_cannot_be_used() -> None:
    sink, collector = faulty(garbled=1, seed=3)
    sink.reported([report(number) for number in range(60)])
    kinds = set()
    for number, got in enumerate(collector.reports):
        if got.first != number:
            kinds.add("other calls")
        elif len(got.states) != got.count:
            kinds.add("no state")
        else:
            with pytest.raises(Exception, match="."):
                decode_results(got.results)
            kinds.add("no results")
    assert kinds == {"other calls", "no state", "no results"}


def test_what_follows_a_late_report_of_an_activation_comes_behind_it() -> None:
    sink, collector = faulty(late=1, late_s=0.05)
    began = time.monotonic()
    sink.reported([report(0), report(1)])
    assert collector.reports == []
    assert collector.arrived.acquire(timeout=10)
    assert collector.arrived.acquire(timeout=10)
    assert [passed.first for passed in collector.reports] == [0, 1]
    assert time.monotonic() - began >= 0.05
    sink.close()
    sink.close()


def test_what_is_late_is_forgotten_at_the_end() -> None:
    sink, collector = faulty(late=1, late_s=60)
    sink.reported([report(0)])
    sink.close()
    assert collector.reports == []


def test_the_same_seed_has_the_same_reports_meet_the_same_faults() -> None:
    def losses(seed: int) -> list[str]:
        sink, collector = faulty(lost=0.5, seed=seed)
        sink.reported([report(0, f"a{number}") for number in range(40)])
        return [name for name, _, _ in collector.losses]

    assert losses(1) == losses(1) != losses(2)


def test_it_does_nothing_without_a_section() -> None:
    plugin = FaultyReports()
    assert plugin.wrap_sink(Collector()) is None  # type: ignore[arg-type]
    plugin.close()


def test_it_stands_in_an_executor_that_asks_for_it(
    faulty_reports: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    assert "faulty_reports" in {info.name for info in installed("plugins")}
    config = {"faulty_reports": {"duplicated": 1, "late": 0.2, "late_s": 0.01}, "lithops": {"log_level": None}}
    with lithops.FunctionExecutor(config=config) as fexec:
        assert fexec.get_result(fexec.map(lambda x: x + 1, range(50)), timeout=60) == list(range(1, 51))
