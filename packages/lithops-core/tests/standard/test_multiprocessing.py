"""CPython's own tests of multiprocessing pass, but for those in `multiprocessing/differences.py`."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "multiprocessing"
_LISTS: dict[str, Any] = runpy.run_path(str(FOLDER / "differences.py"))
CLASSES: dict[str, str] = _LISTS["CLASSES_LEFT_OUT"]
LEFT_OUT: dict[str, str] = _LISTS["LEFT_OUT"]
DIFFERENT: dict[str, str] = _LISTS["DIFFERENT"]
SHORT: tuple[str, ...] = _LISTS["SHORT"]
LONG: tuple[str, ...] = _LISTS["LONG"]
LONGEST_S = 400

pytestmark = pytest.mark.needs("linux", "module:test._test_multiprocessing")


def run_suite(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lithops_standard_suite", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_S,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(FOLDER), *sys.path]),
            "LITHOPS_CONFIG": json.dumps({"lithops": {"exclude_modules": ["lithops_standard_suite"]}}),
        },
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("name", SHORT)
def test_class_passes_but_for_what_differs(name: str) -> None:
    run_class(name)


@pytest.mark.parametrize("name", LONG)
def test_long_class_passes_but_for_what_differs(name: str) -> None:
    run_class(name)


def run_class(name: str) -> None:
    output = run_suite(name, *(f"-{test}" for test in LEFT_OUT))
    told = [json.loads(line[2:]) for line in output.splitlines() if line.startswith("@@")]
    outcomes = {entry["test"]: entry["outcome"] for entry in told}
    assert outcomes, output
    unfinished = {test for test, outcome in outcomes.items() if outcome == "started"}
    failed = {test: entry["why"] for entry in told if entry["outcome"] == "failed" for test in [entry["test"]]}
    surprising = {test: why for test, why in failed.items() if test not in DIFFERENT}
    passed_after_all = {test for test, outcome in outcomes.items() if outcome == "passed" and test in DIFFERENT}
    assert (unfinished, surprising, passed_after_all) == (set(), {}, set()), output


def test_every_class_is_run_or_left_out_for_a_reason() -> None:
    listed = json.loads(run_suite("--list").splitlines()[-1])
    there = {name for name in listed if not name.startswith("WithThreads")}  # those are tests of threads
    run = {*SHORT, *LONG}
    assert there <= {*run, *CLASSES}
    assert not run & set(CLASSES)
    assert all(reason for reasons in (CLASSES, LEFT_OUT, DIFFERENT) for reason in reasons.values())
