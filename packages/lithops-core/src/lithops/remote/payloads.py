"""Payloads that lie in a store instead of travelling: where, and how they are known when they are read."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from lithops.errors import ObjectNotFound, PreconditionFailed, StorageError, StorageUnavailable
from lithops.records import record
from lithops.types import ByteRange, GetRequest, Payload, PutRequest
from lithops.worker.codec import HEAD_BYTES, Pickled, Unloaded

if TYPE_CHECKING:
    from lithops.storage.store import Store

T = TypeVar("T")
Buffer = bytes | memoryview

PATIENCE_S = 60.0
"""How long a store may be away before what was to be read or written is given up."""
DIGEST_BYTES = 20
UNSEEN_S = 5.0
"""How long a store may hide what was written; most show it at once."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


@record
class Place:
    """Where a payload lies in a bucket: its body and its buffers, one behind the other."""

    key: str
    start: int
    sizes: tuple[int, ...]
    digest: str
    """Of all its bytes: what a store returns is not unpickled on trust."""

    @property
    def nbytes(self) -> int:
        """How many bytes there are."""
        return sum(self.sizes)


class PayloadStore:
    """The bucket through which driver and workers of an executor hand over what is large. Threads may share it."""

    def __init__(self, store: Store, bucket: str) -> None:
        self.store = store
        self.bucket = bucket
        self._closing = threading.Event()

    def close(self) -> None:
        """Wait no longer for a store that cannot be reached."""
        self._closing.set()

    def put(self, key: str, payloads: Sequence[Payload]) -> list[Place]:
        """Write payloads into one object; return where they lie. Raises `StorageError`."""
        places: list[Place] = []
        written: list[Buffer] = []
        at = 0
        for payload in payloads:
            parts = (payload.body, *payload.buffers)
            place = Place(
                key=key, start=at, sizes=tuple(memoryview(part).nbytes for part in parts), digest=fingerprint(parts)
            )
            places.append(place)
            written += parts
            at += place.nbytes
        body = written[0] if len(written) == 1 else b"".join(written)
        self.write(key, body)
        return places

    def write(self, key: str, body: Buffer) -> None:
        """Write an object. Raises `StorageError`."""
        self._patiently(lambda: self.store.put_object(PutRequest(bucket=self.bucket, key=key, body=body)))

    def write_once(self, key: str, body: Buffer) -> bool:
        """Write an object unless it is there; return whether it was not. Raises `StorageError`."""
        request = PutRequest(bucket=self.bucket, key=key, body=body)
        try:
            self._patiently(lambda: self.store.put_if_absent(request))
        except PreconditionFailed:
            return False
        return True

    def read(self, key: str, part: ByteRange | None = None, *, unseen_s: float = 0.0) -> bytes:
        """Return an object or a part of it. Raises `StorageError`.

        One that is not there is waited for, for `unseen_s` seconds.
        """

        def read() -> bytes:
            body = self.store.get_object(GetRequest(bucket=self.bucket, key=key, range=part))
            with contextlib.closing(body.stream):
                return body.stream.read()

        return self._patiently(read, unseen_s)

    def get(self, places: Sequence[Place]) -> list[Payload]:
        """Read payloads; those that lie side by side are one request.

        They were put there, so a store that does not show them yet is given `UNSEEN_S` seconds. Raises `StorageError`,
        also if something else lies there than was put.
        """
        payloads: list[Payload] = []
        for together in _side_by_side(places):
            start, end = together[0].start, together[-1].start + together[-1].nbytes
            part = ByteRange(start=start, end=end - 1)
            data = memoryview(self.read(together[0].key, part, unseen_s=UNSEEN_S) if end > start else b"")
            payloads += (_payload(data[place.start - start :][: place.nbytes], place) for place in together)
        return payloads

    def _patiently(self, action: Callable[[], T], unseen_s: float = 0.0) -> T:
        """Repeat what a store cannot do for now, with longer and longer pauses, for `PATIENCE_S` seconds.

        What it does not show is waited for, for `unseen_s` seconds.
        """
        began, pause_s = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                return action()
            except (StorageUnavailable, ObjectNotFound) as error:
                patience_s = unseen_s if isinstance(error, ObjectNotFound) else PATIENCE_S
                if time.monotonic() + pause_s > began + patience_s:
                    raise
                from random import random  # not before something has failed: 3 ms

                if self._closing.wait(pause_s * (0.5 + random() / 2)):  # noqa: S311 - jitter, no secret
                    raise
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class Stored(Unloaded):
    """A value whose pickle lies in a store; whoever reads a report of it says in which."""

    __slots__ = ("_head", "_payloads", "_place")

    def __init__(self, place: Place, head: bytes) -> None:
        self._place = place
        self._head = head[:HEAD_BYTES]
        self._payloads: PayloadStore | None = None

    @property
    def head(self) -> bytes:
        """See `Unloaded`."""
        return self._head

    @property
    def nbytes(self) -> int:
        """See `Unloaded`."""
        return self._place.nbytes

    def lies_in(self, payloads: object) -> None:
        """See `Unloaded`."""
        assert isinstance(payloads, PayloadStore)
        self._payloads = payloads

    def pickled(self) -> Pickled:
        """See `Unloaded`."""
        if self._payloads is None:
            raise StorageError(f"object {self._place.key!r} is in a store that this process has not opened")
        (payload,) = self._payloads.get((self._place,))
        found = Pickled(bytes(payload.body))
        found.buffers = payload.buffers
        return found

    def __reduce__(self) -> tuple[type[Stored], tuple[Place, bytes]]:
        return Stored, (self._place, self._head)


def fingerprint(parts: Sequence[Buffer]) -> str:
    """Return what stands for these bytes, however they are cut."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _side_by_side(places: Sequence[Place]) -> Iterator[list[Place]]:
    together: list[Place] = []
    for place in places:
        if together and (place.key, place.start) != (together[-1].key, together[-1].start + together[-1].nbytes):
            yield together
            together = []
        together.append(place)
    if together:
        yield together


def _payload(data: memoryview, place: Place) -> Payload:
    if data.nbytes != place.nbytes or fingerprint((data,)) != place.digest:
        raise StorageError(
            f"object {place.key!r} does not hold what was put there (bytes {place.start} to "
            f"{place.start + place.nbytes - 1}): somebody has changed it"
        )
    body, *large = place.sizes
    buffers: list[memoryview] = []
    at = body
    for size in large:
        buffers.append(memoryview(bytearray(data[at : at + size])))  # arrays made of it can be written to
        at += size
    return Payload(body=bytes(data[:body]), buffers=tuple(buffers))
