"""The executor that processes run on: one for the whole program, with a worker for each that runs at the same time."""

from __future__ import annotations

import atexit
import copy
import os
import threading
from multiprocessing import util
from typing import TYPE_CHECKING, Any

from lithops.multiprocessing import config, interrupts

if TYPE_CHECKING:
    from collections.abc import Callable

    from lithops.executors import FunctionExecutor
    from lithops.future import ResponseFuture

MOST = 1000
"""Workers of one executor, which are started when needed. A program with more processes at once gets another."""
FOREVER_S = float("inf")
"""How long a process may take."""
_BEFORE_PROCESSES = 0
"""Priority at exit: before processes are joined."""
_AFTER_PROCESSES = -500
"""Priority at exit: when all processes have been joined or ended, before what keeps queues ends."""


def make_executor(workers: int) -> FunctionExecutor:
    """Make an executor as configured, that never repeats a call, and on this machine shows at once what calls print."""
    from lithops.executors import FunctionExecutor

    sections = copy.deepcopy(config.document().sections)
    if config.settings().storage != "redis":
        sections.pop("redis", None)  # it is ours; no plugin reads it
    sections.setdefault("lithops", {})["infrastructure_retries"] = 0
    if config.on_this_machine():
        local = sections.setdefault("localhost", {})
        local["worker_processes"] = workers
        local["stream_logs"] = bool(config.get_parameter(config.STREAM_STDOUT))
    executor = FunctionExecutor(config=sections)
    # The standard library joins processes at exit. That has to come before the executor is closed, which is at exit, too.
    atexit.register(util._exit_function)  # type: ignore[attr-defined]  # private, and the one way
    return executor


class Starter:
    """Starts processes of this process, and of those that are forked from it."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._executors: list[tuple[FunctionExecutor, set[ResponseFuture]]] = []

    def start(self, function: Callable[..., Any], *arguments: Any) -> ResponseFuture:
        """Start a call that has a worker for itself."""
        if self._owner != os.getpid():
            self._begin()
        with self._lock:
            executor, running = self._roomy()
            future = executor.call_async(
                function, arguments, timeout=FOREVER_S, extra_env=config.get_parameter(config.ENV_VARS)
            )
            running.add(future)
        future.add_done_callback(running.discard)
        return future

    def _roomy(self) -> tuple[FunctionExecutor, set[ResponseFuture]]:
        for executor, running in self._executors:
            if len(running) < MOST:
                return executor, running
        executor = make_executor(MOST)
        util.Finalize(None, interrupts.pass_on_at_exit, exitpriority=_BEFORE_PROCESSES)
        util.Finalize(None, executor.close, exitpriority=_AFTER_PROCESSES)
        self._executors.append((executor, set()))
        return self._executors[-1]


processes = Starter()
"""Of this process, as its children are."""
