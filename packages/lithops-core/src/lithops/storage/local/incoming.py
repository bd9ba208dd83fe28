"""Objects on their way in: written under a name of their own, published by one rename.

The writer keeps its file locked, and the lock dies with the process. So whoever sweeps can tell a file that is being
written from one that was left behind, without clocks or process numbers.
"""

from __future__ import annotations

# Plain strings and os calls: a small write takes some 50 us, and pathlib would be a good part of it.
# ruff: noqa: PTH108
import contextlib
import io
import os
import time
from typing import TYPE_CHECKING

from lithops.errors import StorageError
from lithops.storage.local import locks
from lithops.storage.local.sealing import Contents, make_seal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lithops.storage.local.faults import Guard
    from lithops.types import Readable

_CHUNK_BYTES = 1 << 20
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FORGOTTEN_S = 24 * 3600.0
"""Without file locks only age tells what was left behind."""


class Incoming:
    """A file being written; a context manager that removes it unless it was published.

    Making one raises the plain `OSError`; writing to it goes through `guard`.
    """

    def __init__(self, folder: str, guard: Guard) -> None:
        self._guard = guard
        self.path, fd = _create(folder)
        self._file = io.FileIO(fd, "w")

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._file.close()

    def fill(self, body: bytes | memoryview | Readable, metadata: Mapping[str, str]) -> Contents:
        """Write a body and its seal; what `body.read` raises passes through as it is."""
        size_bytes = 0
        if isinstance(body, (bytes, bytearray, memoryview)):
            size_bytes = self._write(body)
        else:
            while chunk := body.read(_CHUNK_BYTES):
                if not isinstance(chunk, (bytes, bytearray, memoryview)):
                    raise StorageError(
                        f"cannot store {body!r}: its read() returned {type(chunk).__name__!r} where bytes are needed; "
                        f"open files with mode 'rb'"
                    )
                size_bytes += self._write(chunk)
        etag, seal = make_seal(size_bytes, metadata)
        self._write(seal)
        with self._guard:
            modified = os.fstat(self._file.fileno()).st_mtime
            if not locks.FILE_LOCKS:
                self._file.close()  # Windows renames no open file; there is no lock to lose
        return Contents(size_bytes=size_bytes, etag=etag, modified=modified, metadata=dict(metadata))

    def _write(self, data: bytes | bytearray | memoryview) -> int:
        rest = memoryview(data)
        rest = rest.cast("B") if rest.c_contiguous else memoryview(rest.tobytes())
        size_bytes = len(rest)
        with self._guard:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        return size_bytes


def sweep(folder: str) -> int:
    """Remove the files that writers who died left in `folder`; return how many. Files being written stay."""
    removed = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # gone meanwhile, or not ours: both are fine
                removed += _remove_if_left(entry)
    return removed


def _create(folder: str) -> tuple[str, int]:
    while True:
        path = f"{folder}/{os.urandom(12).hex()}"
        fd = os.open(path, _NEW_FILE, 0o600)
        if not locks.FILE_LOCKS:
            return path, fd
        # a sweeper may have come between creating and locking: then the name is gone, and the next one is as good
        if locks.try_lock(fd) and os.fstat(fd).st_nlink:
            return path, fd
        os.close(fd)


def _remove_if_left(entry: os.DirEntry[str]) -> bool:
    if not locks.FILE_LOCKS:
        left = time.time() - entry.stat(follow_symlinks=False).st_mtime > _FORGOTTEN_S
        if left:
            os.unlink(entry.path)
        return left
    fd = os.open(entry.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        left = locks.try_lock(fd)
        if left:
            os.unlink(entry.path)
        return left
    finally:
        os.close(fd)
