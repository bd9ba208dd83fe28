"""How many activations are kept open at a platform that says when they are too many.

Additive increase, multiplicative decrease: an answer that puts an activation off halves the number, at most once per
round of answers; answers that do not let it grow by a tenth of itself per round. At the lowest number there are pauses,
longer and longer with full jitter, so that nothing hammers on a platform that takes nothing.
"""

from __future__ import annotations

import time

from lithops.invoke.losses import jitter

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 20.0


class Pace:
    """One per executor; call it with the invoker's lock held."""

    def __init__(self, most: int | None) -> None:
        """`most` is what the platform takes at all; None: there is no bound."""
        self._most = float("inf") if most is None else float(most)
        self._window = self._most
        self._changed = float("-inf")  # when the number was last halved
        self._pauses = 0
        self._until = float("-inf")
        self._starving: float | None = None  # since when it takes nothing

    @property
    def slowed(self) -> bool:
        """Whether it is less than it could be."""
        return self._window < self._most

    def room(self, open_now: int) -> int | None:
        """Return how many activations may be started, pauses aside; None: any number."""
        if self._window == float("inf"):
            return None
        return max(0, int(self._window) - open_now)

    @property
    def pause_s(self) -> float:
        """Seconds until anything may be started."""
        return max(0.0, self._until - time.monotonic())

    @property
    def starved_s(self) -> float:
        """For how many seconds the platform has put everything off."""
        return 0.0 if self._starving is None else time.monotonic() - self._starving

    def took(self, count: int) -> None:
        """Take note of activations that the platform has run or accepted."""
        self._starving = None
        self._pauses = 0
        if self.slowed:
            self._window = min(self._most, self._window + count * max(1.0, self._window / 10) / self._window)

    def put_off(self, count: int, open_now: int, oldest: float, retry_after_s: float | None) -> None:
        """Take note that `count` activations were put off, the oldest of them started at monotonic `oldest`.

        `open_now` are those that are still open.
        """
        now = time.monotonic()
        if self._starving is None:
            self._starving = now
        if retry_after_s is not None:
            self._until = max(self._until, now + min(retry_after_s, LONGEST_PAUSE_S))
        if oldest < self._changed:
            return  # these were started before it was last halved
        self._changed = now
        self._window = max(1.0, min(self._window, open_now + count) / 2)
        if self._window == 1.0 and retry_after_s is None:
            self._until = now + jitter() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._pauses)
            self._pauses = min(self._pauses + 1, 16)
