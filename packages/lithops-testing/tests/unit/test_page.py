"""The programs of docs/testing_backends.md run and print what the page says, and the page tells of everything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lithops_testing.faas.counters import Counters
from lithops_testing.faas.faults import Faults
from lithops_testing.faas.settings import Settings
from lithops_testing.faulty_reports import FaultyReportsConfig

pytest_plugins = ["pytester"]

PAGE = next(
    page for parent in Path(__file__).resolve().parents if (page := parent / "docs" / "testing_backends.md").exists()
).read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|text)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
TESTS = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (test_\w+\.py)\n", text))}


def test_the_program_prints_what_the_page_says() -> None:
    (program,) = (text for kind, text in BLOCKS if kind == "python" and text.startswith("from lithops_testing"))
    (expected,) = (text for kind, text in BLOCKS if kind == "text")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == (expected, "")


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_the_page_pass(name: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(pytester.path / "state"))
    pytester.makepyfile(**{name.removesuffix(".py"): TESTS[name]})
    result = pytester.runpytest_subprocess("-q", "-W", "error")
    assert result.ret == pytest.ExitCode.OK


def test_everything_is_told_of() -> None:
    named = set(re.findall(r"`(\w+)(?:\(.*?\))?`", PAGE))
    fields = {*Settings.model_fields, *Faults.model_fields, *FaultyReportsConfig.model_fields}
    assert fields - named == set()
    told = named & set(vars(Counters()))
    assert len(told) > 5
