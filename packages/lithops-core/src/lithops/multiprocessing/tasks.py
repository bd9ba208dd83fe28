"""What a worker of a pool runs: tasks, with the pool's initializer before the first of them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

from lithops.records import record
from lithops.worker.context import current

Task = tuple[int, int, Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""Number of the result, number of the part of it, function, arguments: what the standard library's pool makes."""


@record
class Setup:
    """What all workers of a pool have in common."""

    pool: str
    initializer: bytes | None
    """Pickled, with its arguments."""
    most_tasks: int | None
    """After so many a worker makes room for a new one."""


_begun: dict[str, tuple[int, int]] = {}  # of this worker: the process that was set up for a pool, and its tasks so far


def prepare(setup: Setup) -> int:
    """Set this process up for a pool, unless that was done; return how many tasks it has had."""
    pid, tasks = _begun.get(setup.pool, (0, 0))
    if pid == os.getpid():
        return tasks
    if setup.initializer is not None:
        initializer, arguments = pickle.loads(setup.initializer)
        initializer(*arguments)
    _begun[setup.pool] = os.getpid(), 0
    return 0


def begin(setup: Setup, met: Any) -> None:
    """Set this process up and wait until all workers of the pool are."""
    prepare(setup)
    met.wait()


def perform(setup: Setup, task: bytes) -> Any:
    """Run one task, which is pickled."""
    tasks = prepare(setup) + 1
    _begun[setup.pool] = os.getpid(), tasks
    if tasks == setup.most_tasks and current.retire is not None:
        current.retire()
    function, arguments, keywords = pickle.loads(task)
    return function(*arguments, **keywords)
