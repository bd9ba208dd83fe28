"""What the object store counts."""

from __future__ import annotations

from lithops_testing.service import counters


class Counters(counters.Counters):
    """Bytes are those of bodies, in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.by_kind: dict[str, int] = {}
        """put, put_if_absent, put_if_match, copy, get, head, list, delete, create_bucket, head_bucket."""

    def asked(self, kind: str, size_bytes: int) -> None:
        """A request has come in."""
        self.requests += 1
        self.request_bytes += size_bytes
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1
