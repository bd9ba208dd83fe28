"""What a file of the store holds: the object's bytes, its metadata, and a seal that says where they end.

The seal comes last because size and metadata of a stream are known last, and in the same file because then one rename
publishes all of it. The bytes of the object start at offset 0, so other programs can read or map them in place.
A file that lost its end (a power cut: the store does not wait for the disk) has no valid seal and is called damaged.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from lithops.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEAL = struct.Struct(">16sQI8s")
_MAGIC = b"\x89LOBJ1\r\n"


class DamagedError(ValueError):
    """The file is not a whole object."""


@record
class Contents:
    """What the seal of a file tells."""

    size_bytes: int
    etag: str
    modified: float
    metadata: Mapping[str, str] = field(default_factory=dict)


def make_seal(size_bytes: int, metadata: Mapping[str, str]) -> tuple[str, bytes]:
    """Return a fresh etag, and what to append to the `size_bytes` of an object.

    The etag is random rather than a digest: it must change with the content, and hashing would halve the speed of
    large writes.
    """
    etag = os.urandom(16)
    text = b""
    if metadata:
        import json  # most objects have no metadata and need not wait for this

        text = json.dumps(dict(metadata), separators=(",", ":")).encode()
    return etag.hex(), text + _SEAL.pack(etag, size_bytes, len(text), _MAGIC)


def read_seal(fd: int) -> Contents:
    """Read the seal of an open file and leave its position anywhere; `DamagedError` if it has none that fits."""
    status = os.fstat(fd)
    where = status.st_size - _SEAL.size
    if where < 0:
        raise DamagedError("it is too short to be one")
    os.lseek(fd, where, os.SEEK_SET)
    etag, size_bytes, text_bytes, magic = _SEAL.unpack(os.read(fd, _SEAL.size))
    if magic != _MAGIC or size_bytes + text_bytes != where:
        raise DamagedError("its end is missing or was not written by this store")
    metadata: Mapping[str, str] = {}
    if text_bytes:
        import json

        os.lseek(fd, size_bytes, os.SEEK_SET)
        metadata = json.loads(os.read(fd, text_bytes))
    return Contents(size_bytes=size_bytes, etag=etag.hex(), modified=status.st_mtime, metadata=metadata)
