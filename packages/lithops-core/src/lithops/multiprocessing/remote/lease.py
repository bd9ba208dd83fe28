"""Says now and then that a process is still there."""

from __future__ import annotations

import threading
from collections.abc import Callable

LEASE_S = 10.0
"""After so long without a word others look whether a process is still there."""
BEAT_S = 3.0


class Heart:
    """A thread that calls `beat` until it is stopped; it starts with the first call, at once."""

    def __init__(self, beat: Callable[[], None]) -> None:
        beat()
        self._beat = beat
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lithops-lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop it; idempotent."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self._beat()
            except ConnectionError:  # whoever uses a connection next says so
                continue
