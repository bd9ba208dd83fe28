"""A token bucket."""

from __future__ import annotations

import time


class Bucket:
    """Holds up to `burst` tokens and gains `rate_per_s` of them per second; a request takes one."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate = rate_per_s
        self._most = float(burst)
        self._tokens = self._most
        self._at = time.monotonic()

    def take(self) -> float:
        """Take a token and return 0, or return after how many seconds there will be one."""
        now = time.monotonic()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
