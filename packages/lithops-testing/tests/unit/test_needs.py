"""What cannot be run is said, and can be made a failure."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from lithops_testing.interpreters import find_interpreter
from lithops_testing.needs import is_met

pytest_plugins = ["pytester"]

SAMPLE = """
    import pytest

    @pytest.fixture
    def expensive():
        raise AssertionError("made although the test is not run")

    @pytest.mark.needs("no-such-program-here")
    def test_wants_a_program(expensive):
        pass

    def test_skips_by_itself():
        pytest.skip("it is Sunday")

    def test_runs():
        pass
"""


@pytest.fixture
def sample(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("LITHOPS_TEST_REQUIRE", raising=False)
    monkeypatch.delenv("LITHOPS_TEST_TALLY", raising=False)
    pytester.makepyfile(test_sample=SAMPLE)
    return pytester


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "lithops_testing.needs", "--strict-markers")


def test_skipped_tests_are_listed_with_what_they_need(sample: pytest.Pytester) -> None:
    result = run(sample)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "not run: test_sample.py::test_wants_a_program needs no-such-program-here",
            "not run: test_sample.py::test_skips_by_itself needs it is Sunday",
        ]
    )


def test_outcomes_are_counted_once_by_who_has_others_run_the_tests(
    sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = sample.path / "tally.jsonl"
    monkeypatch.setenv("LITHOPS_TEST_TALLY", str(tally))
    sample.runpytest_subprocess("-p", "lithops_testing.needs", "--numprocesses=2")
    (line,) = tally.read_text().splitlines()
    assert json.loads(line)["counts"] == {"skipped": 2, "passed": 1}


def test_require_all_turns_what_is_not_run_into_a_failure(
    sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_TEST_REQUIRE", "all")
    assert run(sample).ret == pytest.ExitCode.TESTS_FAILED


def test_require_all_is_content_when_everything_ran(sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_TEST_REQUIRE", "all")
    sample.makepyfile(test_sample="def test_runs(): pass")
    assert run(sample).ret == pytest.ExitCode.OK


def test_tally_file_gets_counts_and_lines(
    sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tally = tmp_path / "tally.jsonl"
    monkeypatch.setenv("LITHOPS_TEST_TALLY", str(tally))
    run(sample)
    assert json.loads(tally.read_text()) == {
        "counts": {"skipped": 2, "passed": 1},
        "not_run": [
            ["test_sample.py::test_wants_a_program", "no-such-program-here"],
            ["test_sample.py::test_skips_by_itself", "it is Sunday"],
        ],
    }


def test_module_that_skips_itself_is_listed(sample: pytest.Pytester) -> None:
    sample.makepyfile(test_sample="import pytest; pytest.importorskip('no_such_module_here')")
    run(sample).stdout.fnmatch_lines(["not run: test_sample.py needs could not import 'no_such_module_here'*"])


def test_expected_failure_counts_as_run(sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_TEST_REQUIRE", "all")
    sample.makepyfile(test_sample="import pytest\n@pytest.mark.xfail\ndef test_fails(): assert False")
    result = run(sample)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("not run: *")


def test_needs_are_looked_up_on_this_machine() -> None:
    assert is_met("linux") == (sys.platform == "linux")
    assert is_met("root") == (os.geteuid() == 0)
    assert is_met("sh")
    assert is_met(f"python3.{sys.version_info.minor}") == (find_interpreter(f"3.{sys.version_info.minor}") is not None)
    assert not is_met("python3.99")


def test_client_without_a_daemon_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client = tmp_path / "podman"
    client.write_text("#!/bin/sh\nexit 125\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    is_met.cache_clear()
    assert not is_met("podman")
    is_met.cache_clear()


def test_interpreter_that_does_not_start_is_not_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken, good = tmp_path / "broken", tmp_path / "good"
    for folder, answer in ((broken, "echo not selected >&2; exit 127"), (good, "echo 3.98")):
        folder.mkdir()
        program = folder / "python3.98"
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken))
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    find_interpreter.cache_clear()
    assert find_interpreter("3.98") is None
    monkeypatch.setenv("PATH", f"{broken}{os.pathsep}{good}")
    find_interpreter.cache_clear()
    assert find_interpreter("3.98") == good / "python3.98"
    find_interpreter.cache_clear()


def test_interpreter_kept_by_pyenv_is_found_without_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "versions" / "3.98.1" / "bin" / "python3.98"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 3.98\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    find_interpreter.cache_clear()
    assert find_interpreter("3.98") == program
    find_interpreter.cache_clear()
