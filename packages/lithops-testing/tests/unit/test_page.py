"""The programs of docs/testing_backends.md run and print what the page says, and the page tells of everything."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lithops_testing.faas.counters import Counters as FunctionCounters
from lithops_testing.faas.faults import Faults as FunctionFaults
from lithops_testing.faas.settings import Settings as FunctionSettings
from lithops_testing.faulty_reports import FaultyReportsConfig
from lithops_testing.objects.counters import Counters as StoreCounters
from lithops_testing.objects.faults import Faults as StoreFaults
from lithops_testing.objects.settings import Settings as StoreSettings

pytest_plugins = ["pytester"]

PAGE = next(
    page for parent in Path(__file__).resolve().parents if (page := parent / "docs" / "testing_backends.md").exists()
).read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|text)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
MODELS = (FunctionSettings, FunctionFaults, StoreSettings, StoreFaults, FaultyReportsConfig)
PROGRAMS = [
    (text, said) for (kind, text), (next_kind, said) in pairwise(BLOCKS) if (kind, next_kind) == ("python", "text")
]
TESTS = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (test_\w+\.py)\n", text))}


@pytest.mark.parametrize(("program", "expected"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_program_prints_what_the_page_says(program: str, expected: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == (expected, "")


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_the_page_pass(name: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(pytester.path / "state"))
    pytester.makepyfile(**{name.removesuffix(".py"): TESTS[name]})
    result = pytester.runpytest_subprocess("-q", "-W", "error")
    assert result.ret == pytest.ExitCode.OK


def test_the_page_has_a_program_of_each_service() -> None:
    assert len(PROGRAMS) == 2


def test_everything_is_told_of() -> None:
    named = set(re.findall(r"`(\w+)(?:\(.*?\))?`", PAGE))
    fields = {name for model in MODELS for name in model.model_fields}
    assert fields - named == set()
    assert len(named & set(vars(FunctionCounters()))) > 5
    assert set(vars(StoreCounters())) - named == set()
