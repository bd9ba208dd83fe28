"""One page of memory per pool in which each worker says which call it is at; it can be read after a worker's death."""

from __future__ import annotations

import mmap
import os
import struct

SLOT = struct.Struct("<qd")  # call (IDLE between calls), monotonic start
SLOT_BYTES = 64  # a cache line each, so that workers don't disturb each other
IDLE = -1


def create(slots: int) -> tuple[int, mmap.mmap]:
    """Make the page; returns a descriptor to hand to the workers and the driver's own map."""
    size = slots * SLOT_BYTES
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("lithops-page", os.MFD_CLOEXEC)
    else:
        import tempfile  # takes longer to import than a worker to fork

        fd, path = tempfile.mkstemp(prefix="lithops-page-")
        os.unlink(path)  # noqa: PTH108 - pathlib would cost a worker 5 ms at start
    os.ftruncate(fd, size)
    page = mmap.mmap(fd, size)
    for slot in range(slots):
        SLOT.pack_into(page, slot * SLOT_BYTES, IDLE, 0.0)
    return fd, page


def read(page: mmap.mmap, slot: int) -> tuple[int, float]:
    """Return the call a worker is at, `IDLE` if none, and when it began (monotonic)."""
    while True:  # the worker may write between the reading of the one and of the other
        first = SLOT.unpack_from(page, slot * SLOT_BYTES)
        if SLOT.unpack_from(page, slot * SLOT_BYTES) == first:
            call, began = first
            return call, began


def reset(page: mmap.mmap, slot: int) -> None:
    """Say that a slot is idle."""
    SLOT.pack_into(page, slot * SLOT_BYTES, IDLE, 0.0)
