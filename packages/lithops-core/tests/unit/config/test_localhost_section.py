"""Tests of configuration: localhost section."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from lithops.config import resolve
from lithops.errors import ConfigError
from lithops.localhost.config import LocalhostConfig
from lithops.localhost.cores import usable_cores
from lithops.storage.local.config import LocalStorageConfig


def runtime(value: str) -> str:
    compute = resolve(overrides={"runtime": value}).compute
    assert isinstance(compute, LocalhostConfig)
    return compute.runtime


def refused(value: str) -> str:
    with pytest.raises(ConfigError) as caught:
        runtime(value)
    return str(caught.value)


def test_the_defaults_are_this_interpreter_and_all_processors() -> None:
    config = LocalhostConfig()

    assert config.runtime == sys.executable
    assert config.worker_processes == usable_cores()
    assert config.runtime_memory is None
    assert config.stream_logs is False


def test_the_two_built_in_readers_of_the_section_have_no_key_in_common() -> None:
    assert LocalhostConfig.model_fields.keys().isdisjoint(LocalStorageConfig.model_fields)


def test_a_link_to_an_interpreter_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)

    assert runtime(str(link)) == str(link)


def test_a_relative_path_is_made_absolute(home: Path) -> None:
    (home / "python").symlink_to(sys.executable)

    assert runtime("./python") == str(home / "python")
    assert runtime("~/python") == str(home / "python")


def test_a_bare_name_is_looked_for_as_a_shell_does() -> None:
    assert runtime("python3") == shutil.which("python3")


def test_a_container_image_is_refused() -> None:
    assert refused("docker.io/library/python:3.12") == (
        "keyword argument runtime is 'docker.io/library/python:3.12': there is no such interpreter on this machine; "
        "it must be the path of a Python interpreter, container images do not run on localhost yet"
    )


def test_a_file_that_may_not_be_executed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("")
    path.chmod(0o600)

    assert refused(str(path)) == (
        f"keyword argument runtime is {str(path)!r}: this file may not be executed; "
        f"it must be the path of a Python interpreter"
    )


def test_the_folder_of_an_environment_is_told_its_interpreter(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)

    assert refused(str(tmp_path)).endswith(
        f"this is a folder; name the interpreter in it, {str(tmp_path / 'bin' / 'python')!r}"
    )


def test_any_other_folder_is_refused(tmp_path: Path) -> None:
    assert refused(str(tmp_path)).endswith(
        "this is a folder, and no environment; it must be the path of a Python interpreter"
    )
