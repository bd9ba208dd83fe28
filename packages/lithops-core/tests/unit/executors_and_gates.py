"""Real executors on this machine, gates that calls wait at, and programs of their own: nothing here sleeps.

Folders of tests take from here what they need: `from ..executors_and_gates import fexec as fexec`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lithops import FunctionExecutor

DEADLINE_S = 60
"""How long anything may take before a test says that it hangs."""


class Gate:
    """Calls that run `pass_gate(gate.path)` wait until the test lets them go on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = str(folder)
        self._arrived, self._left = folder / "arrived", folder / "left"
        for fifo in (self._arrived, self._left):
            os.mkfifo(fifo)
        # Open for both, so that nobody waits for the other end to be opened.
        self._arrivals = os.open(self._arrived, os.O_RDWR)
        self._leave = os.open(self._left, os.O_RDWR)

    def arrival(self) -> int:
        """Wait until one more call stands at the gate; return the id of its process."""
        ready, _, _ = select.select([self._arrivals], [], [], DEADLINE_S)
        assert ready, "no call came to the gate"
        return int(os.read(self._arrivals, 8))

    def open(self, calls: int = 1) -> None:
        """Let so many calls pass."""
        os.write(self._leave, b"." * calls)

    def close(self) -> None:
        """Let everybody pass who still stands there; who comes later finds no gate and fails."""
        for fifo in (self._arrived, self._left):
            fifo.unlink()
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


def interrupt_while_in(function: str) -> None:
    """Press Ctrl-C once the main thread is in a function of this name; a program may have this as its own source."""
    import os
    import signal
    import sys
    import threading
    import time

    def press() -> None:
        names: list[str] = []
        while function not in names:
            time.sleep(0.01)  # nobody tells of the beginning of a wait
            frame = sys._current_frames().get(threading.main_thread().ident or 0)
            names = []
            while frame is not None:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


@pytest.fixture(scope="module", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lstrip("_").startswith("LITHOPS_")]:
            patch.delenv(name)
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(folder))
        patch.setenv("LITHOPS_STATE_DIR", str(folder / "state"))
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def fexec(own_state: None) -> Iterator[FunctionExecutor]:
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

    def run(code: str, *options: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "program.py"
        script.write_text(code)
        done = subprocess.run(
            [sys.executable, *options, str(script)],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S * 2,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    return run
