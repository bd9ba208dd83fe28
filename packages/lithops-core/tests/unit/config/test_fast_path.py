"""Tests of configuration: fast path."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lithops.localhost.cores import usable_cores

SLOW = ("pydantic", "yaml", "pluggy", "importlib.metadata", "platformdirs", "pathlib", "lithops.plugins")


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LITHOPS_")}
    # -S: what an environment's own .pth files import is not ours to answer for
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=60,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "config={}",
        "mode='localhost'",
        "backend='localhost', storage='localhost', monitoring='auto'",
        "overrides={'worker_processes': None}",
    ],
)
def test_nothing_slow_is_imported_when_there_is_nothing_to_validate(arguments: str) -> None:
    modules = loaded_by(
        f"from lithops.config import resolve\nsettings = resolve({arguments})\nsettings.lithops.retries"
    )

    assert modules.isdisjoint(SLOW)


def test_pydantic_is_not_imported_for_the_mere_choice_of_the_built_in_plugins() -> None:
    modules = loaded_by(
        "from lithops.config import resolve\n"
        "resolve(config={'lithops': {'backend': 'localhost', 'storage': 'localhost'}})"
    )

    assert "pydantic" not in modules


def test_the_package_itself_imports_none_of_its_modules() -> None:
    assert not {name for name in loaded_by("import lithops.config") if name.startswith("lithops.config.")}


def test_defaults_can_still_be_read_like_a_nested_dict() -> None:
    from lithops.config import resolve

    settings = resolve()

    assert settings.compute is None
    assert settings.storage_config is None
    assert settings["lithops"]["backend"] == "localhost"
    assert settings["localhost"]["worker_processes"] == usable_cores()
    assert settings["localhost"]["runtime"] == sys.executable
    assert settings["localhost"]["storage_bucket"]
