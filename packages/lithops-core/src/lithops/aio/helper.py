"""The one thread beside the event loop: it submits and closes, and reads the backend's streams in between."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from lithops.errors import ClosedError
from lithops.jobs.waiting import FOREVER, wait_for

if TYPE_CHECKING:
    from lithops.types import Pump

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Helper:
    """Does work in the order in which it comes. Its thread begins with the first and ends with `end`."""

    def __init__(self) -> None:
        self.pump: Pump | None = None
        """What it drives while there is nothing to do: results arrive without a hand-over to yet another thread."""
        self._work: deque[Callable[[], None]] = deque()
        self._guard = threading.Lock()
        self._ended = False
        self._gate = threading.Lock()
        self._gate.acquire()
        self._thread: threading.Thread | None = None

    def add(self, work: Callable[[], None]) -> bool:
        """Have something done, whose errors are logged; return False if it is too late for that."""
        with self._guard:
            if self._ended:
                return False
            self._work.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lithops-asyncio", daemon=True)
                self._thread.start()
        self._wake()
        return True

    def end(self) -> None:
        """Let the thread go when all is done that was asked for; harmless when repeated."""
        with self._guard:
            self._ended = True
        self._wake()

    async def do(self, work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        """Return what `work` returns there. If nobody takes it, because this was cancelled, `undo` is called with it.

        Raises `ClosedError` after `end`.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            if waiter.cancelled() and undo is not None:
                return  # what would be undone need not be done
            value: T
            failure: BaseException | None = None
            try:
                value = work()
            except BaseException as error:  # noqa: BLE001 - who awaits it hears of it
                failure = error

            def settle() -> None:
                if failure is None and waiter.cancelled():
                    self.add(drop)
                elif failure is None:
                    waiter.set_result(value)
                elif not waiter.cancelled():
                    waiter.set_exception(failure)

            def drop() -> None:
                if undo is not None:
                    undo(value)

            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop is closed
                if failure is None:
                    drop()

        if not self.add(run):
            raise ClosedError("the executor was closed; make a new one")
        return await waiter

    def _wake(self) -> None:
        with suppress(RuntimeError):  # it is open already
            self._gate.release()
        if (pump := self.pump) is not None:
            pump.wake()

    def _run(self) -> None:
        while self._work or not self._ended:
            try:
                if self._work:
                    self._work.popleft()()
                else:
                    wait_for(self._gate, () if (pump := self.pump) is None else (pump,), FOREVER)
            except Exception:  # a plugin's; others still wait for this thread
                logger.exception("work beside an event loop failed")
