"""What the store holds: buckets and the objects in them, in the order of their keys."""

from __future__ import annotations

import secrets
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from lithops.records import record

FIRST_BUCKET = "lithops"
"""There from the start."""


@record
class Stored:
    """An object. Objects are replaced, never changed, so whoever reads one keeps it."""

    body: bytes
    metadata: str
    """As the writer sent it."""
    etag: str
    modified: float
    visible_at: float
    """On the monotonic clock."""


class Unmet(Exception):
    """A condition of a write does not hold; `found` is what is there, if anything is."""

    def __init__(self, found: Stored | None) -> None:
        super().__init__()
        self.found = found


class Bucket:
    """Objects by their key. What was written a moment ago may not be visible yet, but conditions know of it."""

    def __init__(self) -> None:
        self._objects: dict[str, Stored] = {}
        # text sorts as its UTF-8 does: that is how UTF-8 was made
        self.keys: list[str] = []

    def visible(self, key: str) -> Stored | None:
        """Return an object that can be read."""
        found = self._objects.get(key)
        return found if found is not None and found.visible_at <= time.monotonic() else None

    def put(
        self,
        key: str,
        body: bytes,
        metadata: str,
        *,
        name: str = "",
        hidden_s: float = 0.0,
        absent: bool = False,
        match: str | None = None,
    ) -> Stored:
        """Write an object. `name` is what the writer calls this write: it ends the etag.

        A new object becomes visible after `hidden_s`. Raises `Unmet` if it is to be `absent` or to `match` an etag, and
        something else is there.
        """
        old = self._objects.get(key)
        if (absent and old is not None) or (match is not None and (old is None or old.etag != match)):
            raise Unmet(old)
        visible_at = time.monotonic() + hidden_s if old is None else old.visible_at
        etag = f"{secrets.token_hex(8)}-{name or secrets.token_hex(8)}"
        made = Stored(body=body, metadata=metadata, etag=etag, modified=time.time(), visible_at=visible_at)
        if old is None:
            insort(self.keys, key)
        self._objects[key] = made
        return made

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        if self._objects.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]

    def listed(self, prefix: str, start_after: str) -> Iterator[tuple[str, Stored]]:
        """Yield visible objects whose keys begin with `prefix` and come after `start_after`."""
        first = max(bisect_left(self.keys, prefix), bisect_right(self.keys, start_after))
        for position in range(first, len(self.keys)):
            key = self.keys[position]
            if not key.startswith(prefix):
                return
            found = self.visible(key)
            if found is not None:
                yield key, found
