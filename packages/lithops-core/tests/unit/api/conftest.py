"""Real executors on this machine, and gates that calls wait at: nothing here sleeps."""

from __future__ import annotations

import importlib.util
import logging
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lithops import FunctionExecutor

# The list in that module was made with the suite of this Python; some distributions leave the suite out.
_suite = importlib.util.find_spec("test.test_concurrent_futures") if sys.version_info[:2] == (3, 13) else None
collect_ignore = ["test_cpython_suite.py"] if _suite is None else []

DEADLINE_S = 30
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


@pytest.fixture(scope="module")
def lone(_own_state: None) -> Iterator[FunctionExecutor]:
    """An executor with one worker."""
    executor = FunctionExecutor(worker_processes=1)
    yield executor
    executor.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


@pytest.fixture
def other_gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path / "other_gate")
    yield gate
    gate.close()


@pytest.fixture
def two_jobs(fexec: FunctionExecutor) -> Iterator[None]:
    """Have joblib run two jobs at a time on an executor of two workers."""
    import joblib

    from lithops.util.joblib import register_lithops

    register_lithops()
    with joblib.parallel_config(backend="lithops", executor=fexec, n_jobs=2):
        yield


def processes_of(jobs: int, gate: Gate) -> set[int]:
    """Return the processes that run so many jobs of joblib at the same time."""
    from joblib import Parallel, delayed

    found = []

    def watch() -> None:
        found.extend(gate.arrival() for _ in range(jobs))
        gate.open(jobs)

    watcher = threading.Thread(target=watch)
    watcher.start()
    Parallel(n_jobs=jobs, timeout=DEADLINE_S)(delayed(pass_gate)(gate.path) for _ in range(jobs))
    watcher.join(DEADLINE_S)
    return set(found)


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


@pytest.fixture
def own_logger() -> Iterator[None]:
    """Give the library's logger back as it was, and none to begin with."""
    log = logging.getLogger("lithops")
    before = log.level, log.handlers[:], log.propagate
    log.setLevel(logging.NOTSET)
    log.handlers[:] = []
    log.propagate = True
    yield
    for handler in log.handlers:
        handler.close()
    log.setLevel(before[0])
    log.handlers[:] = before[1]
    log.propagate = before[2]
