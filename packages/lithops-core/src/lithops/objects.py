"""The records of the storage hooks: names of `lithops.types`, which loads them when one is first touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from lithops.records import field, record


@record
class ByteRange:
    """Bytes `start .. end` of an object, both included, as in HTTP; `end=None` runs to the last byte.

    A negative `start` with `end=None` means the last `-start` bytes.
    """

    start: int
    end: int | None = None


@record
class ObjectMeta:
    """What a store knows of an object."""

    bucket: str
    key: str
    size_bytes: int
    etag: str
    """Changes whenever the content does; opaque."""
    modified: float
    """Wall-clock stamp."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Readable(Protocol):
    """Anything with `read(size)` that returns bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, all that is left if negative."""


@record
class PutRequest:
    """Write an object, whole or not at all."""

    bucket: str
    key: str
    body: bytes | memoryview | Readable
    metadata: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None
    """Only replace an object that has this etag, else `PreconditionFailed`."""


@record
class GetRequest:
    """Read an object or a part of it."""

    bucket: str
    key: str
    range: ByteRange | None = None
    if_match: str | None = None


@record
class ObjectBody:
    """An object on its way in: `stream` must be closed by whoever asked for it."""

    meta: ObjectMeta
    stream: ReadableStream


class ReadableStream(Readable, Protocol):
    """A `Readable` that holds a resource."""

    def close(self) -> None:
        """Release what the stream holds; idempotent."""


@record
class ObjectRef:
    """The name of an object."""

    bucket: str
    key: str


@record
class ListRequest:
    """List the objects whose key begins with `prefix`, in the byte order of their keys."""

    bucket: str
    prefix: str = ""
    start_after: str = ""
    """Only keys after this one."""


@record
class ObjectListing:
    """Objects of a bucket; `objects` may fetch pages as it is read."""

    objects: Iterator[ObjectMeta]


@record
class DeleteRequest:
    """Delete objects; a key that does not exist counts as deleted."""

    bucket: str
    keys: tuple[str, ...]


@record
class DeleteReport:
    """How many keys are gone now."""

    deleted: int


@record
class CopyRequest:
    """Copy an object inside one store."""

    source: ObjectRef
    target: ObjectRef


@record
class BucketRef:
    """The name of a bucket."""

    bucket: str


@record
class BucketMeta:
    """What a store says of a bucket that exists."""

    bucket: str
    created: bool = False
    """Made by this very request."""


@record
class WorkerPart:
    """What opens a store where workers run: a class that has the methods of the storage hooks, but `presign`."""

    target: str
    """Import string, `package.module:Class`; it needs neither pydantic nor pluggy."""
    arguments: Mapping[str, object] = field(default_factory=dict, repr=False)
    """Its keyword arguments, as JSON can carry them. They travel in requests, so there are no credentials in them."""
    packages: tuple[str, ...] = ()
    """Top-level packages, of pure Python, that are shipped for it."""
    requirements: tuple[str, ...] = ()
    """What it needs beside them, for the runtime to install."""
    local: bool = False
    """It reaches the store on the driver's machine only."""


@record
class PresignRequest:
    """Make a URL with which anybody may get or put one object for a while."""

    bucket: str
    key: str
    method: str = "GET"
    valid_s: float = 3600.0


@record
class PresignedUrl:
    """A URL that carries its own permission; as secret as a password until it expires."""

    url: str = field(repr=False)
    expires: float
