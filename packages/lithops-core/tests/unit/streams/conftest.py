"""What these tests need beside real executors and gates."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import psutil

from lithops import AsyncFunctionExecutor

from ..executors_and_gates import DEADLINE_S as DEADLINE_S
from ..executors_and_gates import Gate as Gate
from ..executors_and_gates import Program as Program
from ..executors_and_gates import fexec as fexec
from ..executors_and_gates import gate as gate
from ..executors_and_gates import interrupt_while_in as interrupt_while_in
from ..executors_and_gates import own_state as own_state
from ..executors_and_gates import pass_gate as pass_gate
from ..executors_and_gates import run_program as run_program


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
