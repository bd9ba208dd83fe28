"""A pytest plugin: what could not be run is said, never silently skipped.

    @pytest.mark.needs("docker")
    def test_container_starts(): ...

Every skipped test ends up as a line `not run: <test> needs <what>` at the end of the run. With
`LITHOPS_TEST_REQUIRE=all` in the environment any such line fails the run. `LITHOPS_TEST_TALLY` may name a file to
which the lines and the counts are appended as JSON, for a runner that sums up several runs.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lithops_testing.interpreters import find_interpreter

_MARKER = (
    "needs(*what): run only where all of these exist: root, linux, docker, podman, python3.N, module:NAME or any program "
    "on PATH; reported as not run elsewhere"
)


@functools.cache
def is_met(need: str) -> bool:
    """Tell whether this machine has `need`; asked once per run."""
    if need == "root":
        return hasattr(os, "geteuid") and os.geteuid() == 0
    if need == "linux":
        return sys.platform == "linux"
    if need in {"docker", "podman"}:
        return _answers(need, "info")
    if re.fullmatch(r"python3\.\d+", need):
        return find_interpreter(need.removeprefix("python")) is not None
    if need.startswith("module:"):
        return _can_be_imported(need.removeprefix("module:"))
    return shutil.which(need) is not None


def _can_be_imported(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # not even the package it is in
        return False


def _answers(*command: str) -> bool:
    # A client without its daemon is on many machines; only an answer counts.
    program = shutil.which(command[0])
    if program is None:
        return False
    try:
        return subprocess.run([program, *command[1:]], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and start to count."""
    config.addinivalue_line("markers", _MARKER)
    if not hasattr(config, "workerinput"):  # who has others run the tests hears of all of them
        config.pluginmanager.register(_Tally(), "lithops-tally")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test, before its fixtures are made, when something it needs is missing."""
    missing = [str(need) for mark in item.iter_markers("needs") for need in mark.args if not is_met(str(need))]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


class _Tally:
    """Counts outcomes and remembers what was not run."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.not_run: list[tuple[str, str]] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.counts["failed"] += 1
        elif report.skipped:
            self._skipped(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.counts["failed"] += 1
        elif report.skipped and not hasattr(report, "wasxfail"):
            self._skipped(report)
        elif report.when == "call":
            self.counts["passed"] += 1

    def _skipped(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        needs = why.removeprefix("Skipped: ").removeprefix("needs ").strip()
        self.counts["skipped"] += 1
        self.not_run.append((report.nodeid, needs or "a reason: its skip gives none"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for what, needs in self.not_run:
            terminalreporter.write_line(f"not run: {what} needs {needs}", yellow=True)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.not_run and os.environ.get("LITHOPS_TEST_REQUIRE") == "all" and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        tally = os.environ.get("LITHOPS_TEST_TALLY")
        if tally:
            line = json.dumps({"counts": self.counts, "not_run": self.not_run})
            with Path(tally).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
