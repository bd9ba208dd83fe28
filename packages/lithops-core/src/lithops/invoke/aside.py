"""Do what takes its time, such as an upload, beside the thread that finds it is to be done."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

THREADS = 8


class Aside:
    """A few threads, which exist from the first use on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    def run(self, action: Callable[[], None]) -> None:
        """Run `action` soon; never if closed before."""
        with self._lock:
            if self._closed:
                return
            if self._threads is None:
                self._threads = ThreadPoolExecutor(THREADS, "lithops-aside")
            self._threads.submit(_guarded, action)

    def close(self) -> None:
        """Drop what has not begun; idempotent."""
        with self._lock:
            self._closed = True
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)


def _guarded(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        logger.exception("something done aside has failed")
