"""Pipes."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from multiprocessing import connection
from typing import Any

from lithops.multiprocessing import items, journeys
from lithops.multiprocessing.carrier import END, ME, READ, WRITE, Carrier, Watch, new_key
from lithops.multiprocessing.choice import own

_Base: Any = connection._ConnectionBase
_MESSAGE = b"\1"
_handles = itertools.count()  # the base class wants a number; it is never one of a descriptor


class Connection(_Base):  # type: ignore[misc]  # not in typeshed as it is
    """One end of a pipe, whose inside is a list for each direction.

    It ends with the last process that has it; until then it is in every process that it was sent to.
    """

    def __init__(
        self, carrier: Carrier, reads: str | None, writes: str | None, *, instead_of: str | None = None
    ) -> None:
        super().__init__(next(_handles), readable=reads is not None, writable=writes is not None)
        self._carrier, self._reads, self._writes = carrier, reads, writes
        self._watch: Watch | None = None
        self._heir = ME
        self._name = new_key()
        self._open(self._name, instead_of=instead_of)

    def send(self, obj: Any) -> None:
        """Send an object; raises what pickling it raises, `BrokenPipeError` if nobody has the other end any more."""
        self._check_closed()
        self._check_writable()
        self._send_bytes(items.dumps(obj))

    def recv(self) -> Any:
        """Wait for the next object; raises `EOFError` when there are no more and nobody can send any."""
        self._check_closed()
        self._check_readable()
        message = self._recv_bytes()
        assert message is not None, "no message is too long"
        return items.loads(message.getbuffer())

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to receive."""
        self._check_closed()
        self._check_readable()
        assert self._reads is not None
        if self._watch is None:
            self._watch = self._carrier.watcher(self._reads)
        return self._watch.fileno()

    def __reduce__(self) -> tuple[type[Connection] | Any, tuple[Any, ...]]:
        self._check_closed()
        on_its_way = new_key()
        self._open(on_its_way, owner=self._heir)
        journey = journeys.current()
        if journey not in (None, journeys.ONCE):  # whoever ends before it has this has closed it all the same
            for key, side in self._sides():
                journey.when_over(self._carrier.close_end, key, side, on_its_way)
        return _arrive, (self._carrier, self._reads, self._writes, on_its_way)

    def bequeath(self, heir: str) -> None:
        """Have what is sent of this end belong to who reads the list `heir`, also before it has arrived there."""
        self._heir = heir

    def _open(self, end: str, *, instead_of: str | None = None, owner: str = ME) -> None:
        for key, side in self._sides():
            self._carrier.open_end(key, side, end, instead_of=instead_of, owner=owner)

    def _sides(self) -> Iterable[tuple[str, str]]:
        if self._reads is not None:
            yield self._reads, READ
        if self._writes is not None:
            yield self._writes, WRITE

    def _close(self) -> None:
        self._unwatch()
        for key, side in self._sides():
            self._carrier.close_end(key, side, self._name)

    def _send_bytes(self, buf: bytes | memoryview) -> None:
        assert self._writes is not None
        self._carrier.give(self._writes, _MESSAGE + buf)

    def _recv_bytes(self, maxsize: int | None = None) -> io.BytesIO | None:
        assert self._reads is not None
        self._unwatch()
        item = self._carrier.take(self._reads, None)
        if item is None or item == END:
            raise EOFError
        if maxsize is not None and len(item) - 1 > maxsize:
            return None
        buffer = io.BytesIO()
        buffer.write(memoryview(item)[1:])
        return buffer

    def _poll(self, timeout: float | None) -> bool:
        assert self._reads is not None
        return self._carrier.watch(self._reads, timeout)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _arrive(carrier: Carrier, reads: str | None, writes: str | None, on_its_way: str) -> Connection:
    return Connection(carrier, reads, writes, instead_of=on_its_way)


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802 - the standard library's name
    """Return the two ends of a pipe; without `duplex` the first only receives and the second only sends.

    Sending never waits for the receiver.
    """
    return pipe(own(), duplex)


def pipe(carrier: Carrier, duplex: bool = True) -> tuple[Connection, Connection]:
    """Return the two ends of a pipe that a carrier keeps."""
    one, other = new_key(), new_key()
    if duplex:
        return Connection(carrier, one, other), Connection(carrier, other, one)
    return Connection(carrier, one, None), Connection(carrier, None, one)
