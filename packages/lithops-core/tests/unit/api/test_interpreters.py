"""Calls on another interpreter, chosen by its path."""

from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from lithops import FunctionExecutor
from lithops.errors import ConfigError, RuntimeMismatchError
from lithops_testing.interpreters import find_interpreter

from .conftest import DEADLINE_S
from .test_executor import children

MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = next((v for v in ("3.11", "3.12", "3.13", "3.14") if v != MINE and find_interpreter(v) is not None), None)


@pytest.fixture(scope="module")
def other_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the same minor version, with nothing in it but a module of its own."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (folder / "lib" / f"python{MINE}" / "site-packages" / "only_here.py").write_text("NAME = 'only here'\n")
    return folder / "bin" / "python"


def test_calls_run_on_the_interpreter_that_was_chosen(other_environment: Path) -> None:
    def look(_: object) -> tuple[str, str, str]:
        import sys

        import only_here  # type: ignore[import-not-found]

        return sys.executable, sys.prefix, only_here.NAME

    with FunctionExecutor(runtime=str(other_environment), worker_processes=1) as fexec:
        future = fexec.call_async(look, None)
        executable, prefix, name = future.result(timeout=DEADLINE_S)
        assert future.runtime_name == str(other_environment)
    assert executable == str(other_environment)
    assert prefix == str(other_environment.parent.parent)
    assert name == "only here"


def test_the_other_interpreter_needs_nothing_installed(other_environment: Path) -> None:
    offset = 10
    with FunctionExecutor(runtime=str(other_environment), worker_processes=2) as fexec:
        assert fexec.map_reduce(lambda x: x + offset, range(100), sum).get_result(timeout=DEADLINE_S) == 5950
        with pytest.raises(ZeroDivisionError):
            fexec.call_async(lambda x: 1 // x, 0).result(timeout=DEADLINE_S)


def test_the_name_of_an_interpreter_is_looked_for_on_the_path(
    other_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(other_environment.parent), prepend=":")
    with FunctionExecutor(runtime="python", worker_processes=1) as fexec:
        assert fexec.call_async(lambda _: __import__("sys").executable, None).result() == str(other_environment)


@pytest.mark.skipif(OTHER is None, reason="needs another version of Python")
def test_another_minor_version_is_refused_before_anything_runs() -> None:
    path = find_interpreter(str(OTHER))
    before = children()
    with pytest.raises(RuntimeMismatchError) as caught:
        FunctionExecutor(runtime=str(path), worker_processes=1)
    message = str(caught.value)
    assert f"the driver runs Python {MINE} but the runtime '{path}' is Python {OTHER}" in message
    assert f"choose a Python {MINE} as `runtime`, or run the driver on Python {OTHER}" in message
    assert children() <= before


def test_an_interpreter_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"runtime is .*there is no such interpreter on this machine"):
        FunctionExecutor(runtime=str(tmp_path / "python"))


def test_a_file_that_may_not_be_executed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"this file may not be executed; it must be the path of a Python"):
        FunctionExecutor(runtime=str(path))


def test_the_folder_of_an_environment_is_answered_with_its_interpreter(other_environment: Path) -> None:
    with pytest.raises(ConfigError, match=rf"this is a folder; name the interpreter in it, '{other_environment}'"):
        FunctionExecutor(runtime=str(other_environment.parent.parent))
