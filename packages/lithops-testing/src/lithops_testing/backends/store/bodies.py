"""Objects on their way in and out, in pieces."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lithops.errors import PreconditionFailed, StorageError, StorageUnavailable
from lithops_testing.backends.store.asking import BROKEN

if TYPE_CHECKING:
    import http.client

    from lithops.types import Readable
    from lithops_testing.backends.store.connections import Connection, Connections

CHUNK_BYTES = 1 << 20
RESUMES = 3
"""So often an object that breaks off is read on from where it did."""

Rest = tuple["Connection", "http.client.HTTPResponse"]


class BodyBrokeOff(Exception):
    """Reading what was to be written has failed, whatever with; not the store's doing, even if it is an `OSError`."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Pieces:
    """A body that is read as it is sent, once."""

    def __init__(self, first: bytes, rest: Readable) -> None:
        self._first = first
        self._rest = rest
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first
        while piece:
            self.size_bytes += len(piece)
            yield piece
            try:
                piece = read_some(self._rest)
            except Exception as error:
                raise BodyBrokeOff(error) from error


def outgoing(body: bytes | memoryview | Readable) -> bytes | memoryview | Pieces:
    """Return what is sent for a body; one that is short is read at once, so that it can be sent again."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        view = memoryview(body)
        return view.cast("B") if view.c_contiguous else view.tobytes()
    first = read_some(body)
    return first if len(first) < CHUNK_BYTES else Pieces(first, body)


def read_some(body: Readable) -> bytes:
    """Read `CHUNK_BYTES`, less only at the end. What `read` raises passes through."""
    found: list[bytes] = []
    left = CHUNK_BYTES
    while left > 0 and (piece := body.read(left)):
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise StorageError(
                f"cannot store {body!r}: its read() returned {type(piece).__name__!r} where bytes are needed; open files "
                "with mode 'rb'"
            )
        found.append(bytes(piece))
        left -= len(piece)
    return b"".join(found)


class Incoming(io.RawIOBase):
    """An object as it comes. One that breaks off is asked for again, from there on, in the same version."""

    def __init__(
        self, doing: str, size_bytes: int, rest: Rest, connections: Connections, again: Callable[[int], Rest]
    ) -> None:
        """`size_bytes` is how much there is to read; `again` opens it from an offset on."""
        super().__init__()
        self._doing = doing
        self._size_bytes = self._left = size_bytes
        self._connection, self._response = rest
        self._connections = connections
        self._again = again
        self._resumes = RESUMES
        self._finish()

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def readinto(self, buffer: object, /) -> int:
        """Read some. Raises `StorageUnavailable` if the store breaks off again and again."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # a Buffer, which 3.11 has no name for
        while self._left and view:
            failure: Exception | None = None
            try:
                count = self._response.readinto(view[: self._left])
            except BROKEN as error:
                count, failure = 0, error
            if count:
                self._left -= count
                self._finish()
                return count
            self._resume(failure)
        return 0

    def close(self) -> None:
        """Let go of the connection, which cannot be used again before all was read; idempotent."""
        if not self.closed and self._left:
            self._connection.close()
        super().close()

    def _finish(self) -> None:
        if not self._left:
            self._response.close()
            self._connections.give_back(self._connection)

    def _resume(self, failure: Exception | None) -> None:
        self._connection.close()
        self._resumes -= 1
        if self._resumes < 0:
            raise StorageUnavailable(
                f"cannot {self._doing}: the connection was cut {self._left:,} bytes before the end; try again later"
            ) from failure
        try:
            self._connection, self._response = self._again(self._size_bytes - self._left)
        except PreconditionFailed as error:
            raise StorageUnavailable(f"cannot {self._doing}: it was changed meanwhile; read it again") from error
