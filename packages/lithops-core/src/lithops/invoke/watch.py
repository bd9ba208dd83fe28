"""Finds activations of which a backend ought to have said something by now."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lithops.invoke.timers import Timers
    from lithops.jobs.job import Job
    from lithops.types import Activation

GRACE_S = 60.0
"""How much longer than a call may take a backend may be silent before its calls are given up."""
SHORTEST_S = 1.0
"""Pause between two looks, at least."""
_FOREVER = float("inf")


class Watch:
    """Gives up what is past its deadline; without one, what is open while nothing at all was heard for too long."""

    def __init__(
        self, opened: Mapping[str, tuple[Job, Activation]], timers: Timers, give_up: Callable[[str, str], None]
    ) -> None:
        """`opened` are the activations to look at, `give_up` takes the id of one and what is to be said of it."""
        self._opened = opened
        self._timers = timers
        self._give_up = give_up
        self._lock = threading.Lock()
        self._running = False
        self.heard = time.monotonic()
        """When the backend last said something of anything."""

    def begin(self, timeout_s: float) -> None:
        """Look now and then, as long as anything is open: now there will be calls that may take `timeout_s`."""
        if self._running or timeout_s == _FOREVER:
            return
        with self._lock:
            if not self._running:
                self._running = True
                self.heard = time.monotonic()
                self._timers.after(timeout_s + GRACE_S, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        opened = list(self._opened.items())
        longest = max((job.facts.timeout_s for _, (job, _) in opened), default=0.0)
        quiet_until = self.heard + longest + GRACE_S
        deadlines = {name: activation.deadline for name, (_, activation) in opened}
        ends = {name: quiet_until if end == _FOREVER else end + GRACE_S for name, end in deadlines.items()}
        following = min((end for end in ends.values() if end > now), default=_FOREVER)
        with self._lock:
            self._running = following != _FOREVER
            if self._running:
                self._timers.after(max(SHORTEST_S, following - now), self._look)
        for name, end in ends.items():
            if end <= now:
                self._give_up(name, f"the backend has said nothing for {now - self.heard:.0f} s")
