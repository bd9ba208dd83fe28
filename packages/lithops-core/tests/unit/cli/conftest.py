"""An empty home, a way to run `lithops`, plugins to install and logs to find."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from lithops.cli.main import main

COMMAND = [sys.executable, "-W", "error", "-c", "from lithops.cli.main import main; main()"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, which is the working folder, and an environment that names no configuration."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE", "XDG_STATE_HOME", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


class Lithops(Protocol):
    def __call__(self, *arguments: str) -> Outcome: ...


@pytest.fixture
def lithops(capsys: pytest.CaptureFixture[str]) -> Iterator[Lithops]:
    """Run a command line in this process."""
    log = logging.getLogger("lithops")
    before = (log.level, list(log.handlers), log.propagate)

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Outcome(left.value.code, captured.out, captured.err)

    yield run
    log.level, log.handlers, log.propagate = before


@pytest.fixture
def lithops_process() -> Lithops:
    """Run a command line in a process of its own."""

    def run(*arguments: str) -> Outcome:
        done = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environment(), check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


class Install(Protocol):
    def __call__(self, name: str, kind: str, body: str, *, version: str = "1.0", key: str | None = None) -> str: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution with one plugin: `body` is that of its class `Plugin`. Returns the distribution's name."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install_plugin(name: str, kind: str, body: str, *, version: str = "1.0", key: str | None = None) -> str:
        module = f"{tmp_path.name}_{name}".replace("-", "_")
        (site / f"{module}.py").write_text(
            "import click\n"
            "from lithops import hookimpl\n"
            "class Plugin:\n"
            '    """A plugin."""\n'
            f"    name = {key or name!r}\n"
            "    Config = None\n" + textwrap.indent(textwrap.dedent(body), "    ")
        )
        metadata = site / f"{module}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[lithops.{kind}]\n{key or name} = {module}:Plugin\n")
        sys.path_importer_cache.pop(str(site), None)
        return f"acme-{name}"

    yield install_plugin
    for module in set(sys.modules) - before:
        if module.startswith(tmp_path.name.replace("-", "_")):
            del sys.modules[module]


@pytest.fixture
def log_of(state: Path) -> Log:
    """Put down what a call wrote, as a worker does."""

    def write(job_key: str, call: int, data: bytes, worker: str = "0-4711") -> Path:
        from lithops.localhost.log_folder import executor_of
        from lithops.worker import call_index

        folder = state / "logs" / executor_of(job_key)
        for made in (state, state / "logs", folder):
            made.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"worker-{worker}.log"
        with path.open("ab") as file:
            start = file.tell()
            file.write(data)
        call_index.note(str(path), job_key, call, start, start + len(data))
        return path

    return write


class Log(Protocol):
    def __call__(self, job_key: str, call: int, data: bytes, worker: str = "0-4711") -> Path: ...
