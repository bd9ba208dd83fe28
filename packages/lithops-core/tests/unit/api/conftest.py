"""What these tests need beside real executors and gates."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lithops import FunctionExecutor

from ..executors_and_gates import DEADLINE_S as DEADLINE_S
from ..executors_and_gates import Gate as Gate
from ..executors_and_gates import Program as Program
from ..executors_and_gates import fexec as fexec
from ..executors_and_gates import gate as gate
from ..executors_and_gates import own_state as own_state
from ..executors_and_gates import pass_gate as pass_gate
from ..executors_and_gates import run_program as run_program

# The list in that module was made with the suite of this Python; some distributions leave the suite out.
_suite = importlib.util.find_spec("test.test_concurrent_futures") if sys.version_info[:2] == (3, 13) else None
collect_ignore = ["test_cpython_suite.py"] if _suite is None else []


@pytest.fixture(scope="module")
def lone(own_state: None) -> Iterator[FunctionExecutor]:
    """An executor with one worker."""
    executor = FunctionExecutor(worker_processes=1)
    yield executor
    executor.close()


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
