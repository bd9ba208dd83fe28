"""Do things later, on one thread that sleeps until the next of them."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Timers:
    """Actions by the time they are due. The thread exists while there are any, and a little longer."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` once, `delay_s` from now; never if closed before."""
        with self._changed:
            if self._closed:
                return
            entry = (time.monotonic() + delay_s, next(self._numbers), action)
            heapq.heappush(self._heap, entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lithops-timers", daemon=True)
                self._thread.start()
            elif self._heap[0] is entry:
                self._changed.notify()

    def close(self) -> None:
        """Drop all actions; idempotent."""
        with self._changed:
            self._closed = True
            self._heap.clear()
            self._changed.notify()

    def _run(self) -> None:
        while (action := self._next()) is not None:
            try:
                action()
            except Exception:
                logger.exception("a timed action failed")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(None if wait is None else min(wait, threading.TIMEOUT_MAX))
        return None
