"""Executors whose processes are looked for after each test, and means to wait for what happens in other processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

import lithops

DEADLINE_S = 20.0
"""For what must happen at all; a machine under load is slow."""


class Until(Protocol):
    def __call__(self, condition: Callable[[], Any], within_s: float = ..., what: str = ...) -> Any: ...


@pytest.fixture(scope="session")
def until() -> Until:
    """Return what looks for a condition until it is true, and fails when that takes too long."""

    def wait(condition: Callable[[], Any], within_s: float = DEADLINE_S, what: str = "it") -> Any:
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} has not happened within {within_s} s"
            time.sleep(0.002)
        return found

    return wait


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    folder = tmp_path / "state"
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def is_alive() -> Callable[[int], bool]:
    return alive


@pytest.fixture(autouse=True)
def no_process_left(until: Until) -> Iterator[None]:
    """Fail a test that leaves a process behind."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    until(
        lambda: {c.pid for c in psutil.Process().children(recursive=True) if alive(c.pid)} <= before,
        what="the end of all processes",
    )


Make = Callable[..., lithops.FunctionExecutor]


@pytest.fixture
def make(no_process_left: None) -> Iterator[Make]:
    """Make executors with two workers unless told otherwise; all are closed at the end."""
    made: list[lithops.FunctionExecutor] = []

    def make_one(worker_processes: int = 2, **options: Any) -> lithops.FunctionExecutor:
        made.append(lithops.FunctionExecutor(backend="localhost", worker_processes=worker_processes, **options))
        return made[-1]

    yield make_one
    for executor in made:
        executor.close()


@pytest.fixture
def one(make: Make) -> lithops.FunctionExecutor:
    """An executor with a single worker."""
    return make(1)


@pytest.fixture
def executor(make: Make) -> lithops.FunctionExecutor:
    """An executor with two workers."""
    return make(2)


@pytest.fixture
def zygote_of() -> Callable[[], psutil.Process]:
    """Return what finds the process that starts the workers: the latest, as executors of others may not be gone yet."""

    def find() -> psutil.Process:
        zygotes = [child for child in psutil.Process().children() if "zygote" in " ".join(child.cmdline())]
        return max(zygotes, key=lambda zygote: zygote.create_time())

    return find


class Driver:
    """A program of its own, with an executor in it."""

    def __init__(self, folder: Path, source: str, env: dict[str, str]) -> None:
        path = folder / "driver.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
            start_new_session=True,
        )

    def line(self) -> str:
        """Return the next line it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def finish(self) -> tuple[int, str, str]:
        """Wait for its end; returns exit code, output and errors."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Start drivers; what is left of them is ended."""
    drivers: list[Driver] = []

    def start(source: str, **env: str) -> Driver:
        drivers.append(Driver(tmp_path, source, env))
        return drivers[-1]

    yield start
    for driver in drivers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.process.pid, signal.SIGKILL)  # with what it forked
        with driver.process:
            pass


def nth(path: Path) -> int:
    """Return how often this was called with a path."""
    with path.open("a+") as file:
        file.write("x")
        file.flush()
        file.seek(0)
        return len(file.read())


class Odd(OSError):
    """An error of the user's own."""


def raising(error: BaseException, path: Path, times: int = 1) -> Callable[[int], int]:
    """Return a function that raises so many times."""

    def work(_x: int) -> int:
        if (n := nth(path)) <= times:
            raise error
        return n

    return work
