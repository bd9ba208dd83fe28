"""`lithops doctor`."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops import __version__
from lithops.cli.checkup import EXTRAS
from lithops.pool import shared

from .conftest import environment

if TYPE_CHECKING:
    from .conftest import Install, Lithops

Checks = dict[str, tuple[str, str, str]]
Doctor = Callable[..., tuple[int, Checks]]


@pytest.fixture
def doctor(lithops: Lithops) -> Doctor:
    """Run the command and return its exit code and, by name, the worst that each check found."""

    def run(*arguments: str) -> tuple[int, Checks]:
        outcome = lithops("doctor", "--json", *arguments)
        return outcome.code, worst(json.loads(outcome.out)["checks"])

    return run


def worst(checks: list[dict[str, str]]) -> Checks:
    ranked = sorted(checks, key=lambda check: ["ok", "warn", "fail"].index(check["state"]))
    return {check["name"]: (check["state"], check["found"], check["remedy"]) for check in ranked}


def test_all_is_well_here(lithops_process: Lithops) -> None:
    outcome = lithops_process("doctor")

    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert {line[:4] for line in lines} == {"ok  "}
    assert any(line.startswith(f"ok    lithops-core     {__version__} in ") for line in lines)
    assert any("works on localhost: 0." in line or "works on localhost: 1." in line for line in lines)


def test_json_says_whether_all_is_well(lithops: Lithops) -> None:
    said = json.loads(lithops("doctor", "--json").out)

    assert said["healthy"] is True
    assert [check["name"] for check in said["checks"]] == [
        "python",
        "platform",
        "lithops-core",
        "package",
        "extra plot",
        "extra notebook",
        "extra joblib",
        "extra redis",
        "extra serverless",
        "plugins",
        "configuration",
        "state folder",
        "shared memory",
        "call",
    ]


def test_a_wrong_configuration_fails_and_calls_are_not_tried(doctor: Doctor, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("lithops:\n  retries: -1\n")

    code, checks = doctor("-c", str(path))

    assert code == 1
    assert checks["configuration"] == (
        "fail",
        f"{path}, line 2: lithops.retries is -1; it must be an integer of at least 0",
        "correct it; calls were not tried",
    )
    assert "call" not in checks


def test_all_that_is_wrong_is_told_line_by_line(lithops: Lithops, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("lithops:\n  retries: -1\n  chunksize: 0\n")

    lines = lithops("doctor", "-c", str(path)).out.splitlines()

    at = next(index for index, line in enumerate(lines) if line.startswith("fail"))
    assert (
        lines[at]
        == f"fail  configuration    {path}, line 2: lithops.retries is -1; it must be an integer of at least 0"
    )
    assert lines[at + 1].startswith(f"{'':23}{path}, line 3: lithops.chunksize is 0; ")
    assert lines[at + 2] == f"{'':23}correct it; calls were not tried"


def test_the_configuration_that_was_found_is_named(doctor: Doctor, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("localhost:\n  version: 2\n")

    code, checks = doctor("-c", str(path))

    assert code == 0
    state, found, _ = checks["configuration"]
    assert state == "warn"
    assert found.startswith(f"{path}, line 2: localhost.version has no effect")


def test_a_missing_backend_fails(doctor: Doctor) -> None:
    code, checks = doctor("-b", "aws_lambda")

    assert code == 1
    assert checks["configuration"][1].endswith("; pip install lithops-backend-aws-lambda")


def test_the_distribution_of_the_same_package_fails(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    (site / "lithops-3.6.1.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(site))

    code, checks = doctor()

    assert code == 1
    assert checks["package"] == (
        "fail",
        "the distribution 'lithops' 3.6.1 brings a package 'lithops', too: one overwrites the other's files",
        "pip uninstall lithops, then pip install --force-reinstall lithops-core",
    )


def test_a_broken_plugin_that_nobody_chose_is_a_warning(doctor: Doctor, install: Install) -> None:
    install("broken", "serverless", "raise RuntimeError('not today')\n")

    code, checks = doctor()

    assert code == 0
    assert checks["plugins"][0] == "warn"
    assert checks["plugins"][1].startswith("compute plugin 'broken' of acme-broken 1.0 cannot be loaded from ")


def test_a_state_folder_that_others_can_write_fails(doctor: Doctor, state: Path) -> None:
    state.mkdir()
    state.chmod(0o777)

    code, checks = doctor()

    assert code == 1
    assert checks["state folder"][:2] == (
        "fail",
        f"the state folder {str(state)!r} can be written by others (mode 0777); chmod go-w it, or set "
        "LITHOPS_STATE_DIR to a folder of your own",
    )
    assert checks["call"][0] == "ok"


def test_a_full_disk_fails(state: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
        "from lithops.cli.main import main; main(['doctor', '--json'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment(), check=False
    )

    checks = worst(json.loads(done.stdout)["checks"])
    assert done.returncode == 1
    assert checks["state folder"] == (
        "fail",
        f"{state} cannot be written to: File too large",
        "make room or change its mode, or set LITHOPS_STATE_DIR to a folder where it can",
    )


def test_without_shared_memory_there_is_a_warning(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_opener", lambda: None)

    code, checks = doctor()

    assert code == 0
    assert checks["shared memory"][:2] == (
        "warn",
        "not available (anonymous shared memory is not available on this platform): large arguments and results "
        "travel through pipes, which is slower",
    )


def test_a_call_that_fails_says_why(doctor: Doctor, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("localhost:\n  runtime: /bin/false\n")

    code, checks = doctor("-c", str(path))

    assert code == 1
    state, found, remedy = checks["call"]
    assert state == "fail"
    assert found.endswith(
        ": BackendError: the process that starts the workers ('/bin/false') has ended; "
        "name a Python interpreter in `runtime`"
    )
    assert remedy == "'lithops doctor --debug' shows all that happened"


def test_an_optional_part_that_is_missing_says_how_to_get_it(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    code, checks = doctor()

    assert code == 0
    assert checks["extra plot"][:2] == ("ok", "not installed (matplotlib, numpy); pip install 'lithops-core[plot]'")


def test_the_optional_parts_are_those_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    declared = {
        extra: tuple(requirement.partition(">")[0] for requirement in requirements)
        for extra, requirements in project["optional-dependencies"].items()
    }

    assert declared == EXTRAS
