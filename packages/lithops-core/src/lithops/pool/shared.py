"""Anonymous shared memory, handed over by descriptor.

One object carries all large parts of a frame: the kernel takes at most 253 descriptors in one message, and each costs
a place in the table of the process.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


Buffer = bytes | bytearray | memoryview

ALIGNMENT = 64  # a cache line, and what vector instructions ask for


def available() -> bool:
    """Whether descriptors of anonymous memory can be made and handed over here (not on Windows)."""
    return _opener() is not None


def create(parts: Sequence[Buffer]) -> int:
    """Copy `parts` one behind the other, each at a multiple of `ALIGNMENT`, and return the descriptor.

    Raises:
        OSError: memory or descriptors have run out.
    """
    size = sum(padded(memoryview(part).nbytes) for part in parts)
    opener = _opener()
    if opener is None:
        raise OSError("anonymous shared memory is not available on this platform")
    fd = opener()
    try:
        os.ftruncate(fd, size)
        if hasattr(os, "memfd_create"):
            _write(fd, parts)
        else:
            _copy(fd, size, parts)
    except BaseException:
        os.close(fd)
        raise
    return fd


def attach(fd: int, *, writable: bool) -> memoryview:
    """Map the object behind `fd` and close `fd`; a writable map is copy-on-write, so nobody else sees the changes.

    A map keeps a descriptor of its own for as long as it lives. Where these run short, the object is copied instead.
    """
    try:
        size = os.fstat(fd).st_size
        prot = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
        if not scarce(fd):
            return memoryview(mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE, prot=prot))
        with mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as area:
            return memoryview(bytearray(area) if writable else area[:])
    finally:
        os.close(fd)


def scarce(fd: int) -> bool:
    """Whether half of the descriptors that this process may have are taken, by the number that a new one gets."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        new = os.dup(fd)
    except OSError:
        return True
    os.close(new)
    return most != resource.RLIM_INFINITY and new >= most // 2


def padded(nbytes: int) -> int:
    """Round a size up to the alignment."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def _write(fd: int, parts: Sequence[Buffer]) -> None:
    offset = 0
    for part in parts:
        view = memoryview(part).cast("B")
        done = 0
        while done < view.nbytes:
            done += os.pwrite(fd, view[done:], offset + done)
        offset += padded(view.nbytes)


def _copy(fd: int, size: int, parts: Sequence[Buffer]) -> None:
    """Shared memory that is not a file cannot be written, only mapped (macOS)."""
    with mmap.mmap(fd, size) as area:
        offset = 0
        for part in parts:
            view = memoryview(part).cast("B")
            area[offset : offset + view.nbytes] = view
            offset += padded(view.nbytes)


def _opener() -> Callable[[], int] | None:
    """Return what opens an object here; looked up each time, so that tests can block it."""
    if hasattr(os, "memfd_create"):
        return lambda: os.memfd_create("lithops", os.MFD_CLOEXEC)
    try:
        from _posixshmem import shm_open, shm_unlink
    except ImportError:
        return None

    def open_unlinked() -> int:
        name = f"/lithops-{os.urandom(8).hex()}"
        fd = shm_open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        shm_unlink(name)
        return int(fd)

    return open_unlinked
