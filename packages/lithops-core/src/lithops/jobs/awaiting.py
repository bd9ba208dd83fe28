"""Wait for the ends of calls on an event loop: a report wakes the loop, no thread waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from lithops.jobs.table import Watch

if TYPE_CHECKING:
    from lithops.jobs.table import JobTable


class Alarm:
    """Wakes the tasks of one loop that wait for it, from any thread; rung before, it lets the next one pass.

    Look at what it was rung for after `wait`: however often it is rung meanwhile, the loop hears of it once.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._rung = False

    def ring(self) -> None:
        """Wake who waits; harmless after the loop was closed."""
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits there
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Wait until it rings."""
        await self._event.wait()
        self._event.clear()
        self._rung = False


async def until_over(table: JobTable, row: int) -> None:
    """Wait until a call has ended."""
    if table.is_over(row):
        return
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def over(_row: int) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits there
            loop.call_soon_threadsafe(end)

    table.when_over(row, over)
    try:
        await waiter
    finally:
        if not table.is_over(row):
            table.not_when_over(row, over)


async def until_complete(table: JobTable) -> None:
    """Wait until all calls of a job have ended."""
    alarm = Alarm()
    watch = Watch(table.calls, lambda _ended, _failed: alarm.ring() if table.complete else None)
    table.watch(watch)
    try:
        while not table.complete:
            await alarm.wait()
    finally:
        table.unwatch(watch)
