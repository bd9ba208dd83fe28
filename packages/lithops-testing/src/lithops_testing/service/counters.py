"""What every service counts."""

from __future__ import annotations


class Counters:
    """Sums since the start or the last reset; attributes are written where things happen."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        """Of all kinds but those to /admin."""
        self.request_bytes = 0
        self.response_bytes = 0
        self.by_status: dict[int, int] = {}

    def answered(self, status: int, size_bytes: int) -> None:
        """A request that is counted by its status is answered."""
        self.response_bytes += size_bytes
        self.by_status[status] = self.by_status.get(status, 0) + 1

    def reset(self) -> None:
        """Begin again at zero."""
        vars(self).update(vars(type(self)()))
