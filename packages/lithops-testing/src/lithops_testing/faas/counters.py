"""What the service counts."""

from __future__ import annotations


class Counters:
    """Sums since the start or the last reset; attributes are written where things happen."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        """Of all kinds but those to /admin."""
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
        self.request_bytes = 0
        self.response_bytes = 0
        self.by_status: dict[int, int] = {}

    def began(self, size_bytes: int) -> None:
        """An invocation has come in."""
        self.invocations += 1
        self.request_bytes += size_bytes
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def ended(self, status: int, size_bytes: int) -> None:
        """An invocation is answered."""
        self.in_flight -= 1
        self.response_bytes += size_bytes
        self.by_status[status] = self.by_status.get(status, 0) + 1

    def reset(self) -> None:
        """Begin again at zero, but for what is under way."""
        in_flight = self.in_flight
        vars(self).update(vars(Counters()))
        self.in_flight = self.most_in_flight = in_flight
