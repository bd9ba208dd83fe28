"""Locks between all the processes that use one store, given back by the system whoever dies."""

from __future__ import annotations

import os
import time
import zlib
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from lithops.errors import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl

    FILE_LOCKS = True
except ImportError:  # Windows
    FILE_LOCKS = False

_STRIPES = 64
_PATIENCE_S = 30.0
"""A lock is held for a few system calls; whoever keeps it this long was stopped."""


def try_lock(fd: int) -> bool:
    """Lock an open file for this descriptor alone; False if another has it, or if the system has no such locks."""
    if not FILE_LOCKS:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class KeyLocks:
    """One lock for each key, out of a fixed number of lock files in `folder`.

    Where the system has no file locks they exclude the threads that share this object only; what must have one winner
    among processes even there relies on the file system instead.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._threads = None if FILE_LOCKS else Lock()

    @contextmanager
    def hold(self, bucket: str, key: str) -> Iterator[None]:
        """Hold the lock of a key; `StorageUnavailable` if it cannot be had in time. The folder must exist."""
        if self._threads is not None:
            with self._threads:
                yield
            return
        stripe = zlib.crc32(f"{bucket}/{key}".encode()) % _STRIPES
        path = f"{self._folder}/{stripe:02x}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _wait_for(fd, path)
            try:
                yield
            finally:
                # closing is not enough: a child forked meanwhile has the same lock until it closes its copy
                fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)


def _wait_for(fd: int, path: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    pause_s = 0.0002
    while not try_lock(fd):  # the system offers no lock with a deadline, so this is the one place that has to poll
        if time.monotonic() >= deadline:
            raise StorageUnavailable(
                f"waited {_PATIENCE_S:.0f} s for the lock {path!r} of the local store; "
                f"look for a process that was stopped while it wrote there, and end it"
            )
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.01)
