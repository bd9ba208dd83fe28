"""Real executors, a gate that calls wait at, and programs of their own: nothing here sleeps."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lithops import AsyncFunctionExecutor, FunctionExecutor

DEADLINE_S = 30
"""How long anything may take before a test says that it hangs."""


class Gate:
    """Calls that run `pass_gate(gate.path)` wait until the test lets them go on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = str(folder)
        for name in ("arrived", "left"):
            os.mkfifo(folder / name)
        # Open for both, so that nobody waits for the other end to be opened.
        self._arrivals = os.open(folder / "arrived", os.O_RDWR)
        self._leave = os.open(folder / "left", os.O_RDWR)

    def arrival(self) -> int:
        """Wait until one more call stands at the gate; return the id of its process."""
        ready, _, _ = select.select([self._arrivals], [], [], DEADLINE_S)
        assert ready, "no call came to the gate"
        return int(os.read(self._arrivals, 8))

    def open(self, calls: int = 1) -> None:
        """Let so many calls pass."""
        os.write(self._leave, b"." * calls)

    def close(self) -> None:
        """Let everybody pass who still stands there."""
        self.open(4096)
        os.close(self._arrivals)
        os.close(self._leave)


def pass_gate(path: str) -> int:
    """Say that this call has begun and wait until it may go on; return its process id."""
    import os
    from pathlib import Path

    with Path(path, "arrived").open("wb", buffering=0) as arrived:
        arrived.write(b"%8d" % os.getpid())
    with Path(path, "left").open("rb", buffering=0) as left:
        left.read(1)
    return os.getpid()


def gone(pid: int) -> bool:
    """Wait for the end of a process; False if it does not end in time."""
    try:
        psutil.Process(pid).wait(timeout=DEADLINE_S)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


Main = Callable[[AsyncFunctionExecutor], Awaitable[Any]]


def run_async(main: Main, **options: Any) -> Any:
    """Run a coroutine with an executor of its own; fail if it hangs."""

    async def inside() -> Any:
        async with AsyncFunctionExecutor(worker_processes=options.pop("worker_processes", 2)) as fexec:
            return await main(fexec)

    return asyncio.run(asyncio.wait_for(inside(), DEADLINE_S))


class Reluctant:
    """An item whose pickling waits until the event loop has done something."""

    def __init__(self, pickling: threading.Event, go_on: threading.Event) -> None:
        self.pickling, self.go_on = pickling, go_on

    def __reduce__(self) -> tuple[Callable[..., int], tuple[int]]:
        self.pickling.set()
        assert self.go_on.wait(DEADLINE_S), "the event loop stood still"
        return int, (4,)


@pytest.fixture(scope="module", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lstrip("_").startswith("LITHOPS_")]:
            patch.delenv(name)
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(folder))
        patch.setenv("LITHOPS_STATE_DIR", str(folder / "state"))
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def fexec(_own_state: None) -> Iterator[FunctionExecutor]:
    """An executor with two workers, used by all tests of a module."""
    executor = FunctionExecutor(worker_processes=2)
    yield executor
    executor.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_program(tmp_path: Path) -> Program:
    """Run a program in a process of its own and return what it said."""

    def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "program.py"
        script.write_text(code)
        done = subprocess.run(
            [sys.executable, *options, str(script)],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S * 2,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 0, done.stderr
        return done

    return run
