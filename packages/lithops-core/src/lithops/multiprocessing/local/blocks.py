"""Blocks of bytes that the processes of this machine share: files in a private folder in memory, mapped."""

from __future__ import annotations

import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path


class Blocks:
    """The blocks that this process has mapped, by key."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._mapped: dict[str, mmap.mmap] = {}
        self._lock = threading.Lock()

    def map(self, key: str, size: int) -> mmap.mmap:
        """Return a block of at least `size` bytes, made if there is none. Raises `OSError` where there is no room."""
        with self._lock:
            size = max(size, 1)
            found = self._mapped.get(key)
            if found is None or len(found) < size:
                found = self._mapped[key] = self._open(key, size)
            return found

    def forget(self, key: str) -> None:
        """Let go of a block; whatever uses its bytes keeps them."""
        with self._lock:
            self._mapped.pop(key, None)

    def remove(self, key: str) -> None:
        """Let go of a block and have nobody map it any more."""
        self.forget(key)
        with suppress(OSError):
            (self._folder / key).unlink()

    def _open(self, key: str, size: int) -> mmap.mmap:
        fd = os.open(self._folder / key, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size < size:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(fd, 0, size)  # says now that there is no room, instead of a crash later
                else:
                    os.truncate(fd, size)
            return mmap.mmap(fd, 0)
        finally:
            os.close(fd)
