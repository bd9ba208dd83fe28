"""What the function service counts."""

from __future__ import annotations

from lithops_testing.service import counters


class Counters(counters.Counters):
    """Bytes and statuses are those of invocations."""

    def __init__(self) -> None:
        super().__init__()
        self.invocations = 0
        self.in_flight = 0
        """Invocations that have not been answered yet."""
        self.most_in_flight = 0
        self.throttled = 0
        self.cold_starts = 0
        self.executed = 0
        """Activations that ran to their end; twice for one that was delivered twice."""
        self.died = 0
        """Environments that ended while they ran an activation, however."""

    def began(self, size_bytes: int) -> None:
        """An invocation has come in."""
        self.invocations += 1
        self.request_bytes += size_bytes
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def ended(self, status: int, size_bytes: int) -> None:
        """An invocation is answered."""
        self.in_flight -= 1
        self.answered(status, size_bytes)

    def reset(self) -> None:
        """Begin again at zero, but for what is under way."""
        in_flight = self.in_flight
        super().reset()
        self.in_flight = self.most_in_flight = in_flight
