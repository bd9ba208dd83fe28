"""The command line and a whole small run."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import run
from cases import load_case
from records import Plan
from report import Run
from rounds import measure_case


def test_an_unknown_case_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--only", "speed"])
    assert "unknown 'speed'; there are imports, first_result" in capsys.readouterr().err


def test_every_participant_of_a_round_runs_once_and_its_results_can_be_kept(tmp_path: Path) -> None:
    case = load_case("small_calls")
    python = {"ours": Path(sys.executable), "peers": Path(sys.executable)}
    plan = Plan(workers=2, scale=0.01)
    found = list(measure_case(case, ["ppe", "mp-pool"], plan, python, rounds=2))
    assert sorted((m.peer, m.round, m.error) for m in found) == [
        ("mp-pool", 0, ""),
        ("mp-pool", 1, ""),
        ("ppe", 0, ""),
        ("ppe", 1, ""),
    ]
    assert all(m.values["wall_per_call_s"] > 0 and m.values["cpu_per_call_s"] > 0 for m in found)
    assert all(m.values["left_behind"] == 0 for m in found)
    kept = Run(
        case=case, command="", machine="", at="", commit="", seconds=0, busy_before=0, busy_after=0, measurements=found
    )
    (tmp_path / "results.json").write_text(json.dumps({case.key: kept.as_json()}))
    assert run.load_runs(tmp_path / "results.json") == {case.key: kept}


@pytest.mark.parametrize("text", ["{", "[]", '{"arrays": {}}', '{"arrays": {"measurements": [], "colour": "red"}}'])
def test_results_of_another_version_are_not_overwritten(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(SystemExit, match=r"was not written by this version of the suite .*; remove it or give another"):
        run.load_runs(tmp_path / "results.json")


def test_the_cores_that_are_busy_are_told() -> None:
    assert 0 <= run.cores_busy(0.05) <= (os.cpu_count() or 1) + 1


def test_a_program_is_timed_from_its_start_to_its_first_result() -> None:
    case = load_case("first_result")
    python = {"ours": Path(sys.executable), "peers": Path(sys.executable)}
    (found,) = measure_case(case, ["ppe"], Plan(workers=2), python, rounds=1)
    assert found.error == ""
    assert 0 < found.values["first_line_s"] < found.values["exit_s"]


def test_a_probe_that_hangs_is_a_failed_measurement() -> None:
    case = replace(load_case("cpu_bound"), timeout_s=0.5)
    python = {"ours": Path(sys.executable), "peers": Path(sys.executable)}
    (found,) = measure_case(case, ["bare-fork"], Plan(workers=2), python, rounds=1)
    assert found.error == "ended by the guard after 0.5 s"
    assert found.values == {}
