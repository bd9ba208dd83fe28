"""One page of memory per pool in which each worker says which call it is at; it can be read after a worker's death."""

from __future__ import annotations

import mmap
import os
import struct
import time

SLOT = struct.Struct("<qd")  # call (IDLE between calls), monotonic start
SLOT_BYTES = 64  # a cache line each, so that workers don't disturb each other
LOADING = struct.Struct("<q")  # behind it: the call whose item is being loaded, FUNCTION, or IDLE
IDLE = -1
FUNCTION = -2


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
        reset(page, slot)
    return fd, page


def read(page: mmap.mmap, slot: int) -> tuple[int, float]:
    """Return the call a worker is at, `IDLE` if none, and when it began (monotonic)."""
    while True:  # the worker may write between the reading of the one and of the other
        first = SLOT.unpack_from(page, slot * SLOT_BYTES)
        if SLOT.unpack_from(page, slot * SLOT_BYTES) == first:
            call, began = first
            return call, began


def loading(page: mmap.mmap, slot: int) -> int:
    """Return the call whose item a worker is loading, `FUNCTION` if it loads the function, `IDLE` if neither."""
    return int(LOADING.unpack_from(page, slot * SLOT_BYTES + SLOT.size)[0])


class Mark:
    """Where one worker writes. Stores of single words: what reads them meanwhile sees the old or the new, no mixture.

    The start is written before the call, so a call is never seen with a start older than the one before it.
    """

    __slots__ = ("_calls", "_starts")

    def __init__(self, area: memoryview | None, slot: int) -> None:
        place = memoryview(bytearray(SLOT_BYTES)) if area is None else area[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES]
        self._calls = place.cast("B").cast("q")
        self._starts = place.cast("B").cast("d")

    def __call__(self, call: int, began: float) -> None:
        """Say which call this worker is at."""
        self._starts[1] = began
        self._calls[0] = call

    def idle(self) -> None:
        """Say that this worker is between calls. The start stays, or the call would be seen with none for a moment."""
        self._calls[0] = IDLE

    def loading(self, what: int) -> None:
        """Say the item of which call is being loaded, `FUNCTION` or `IDLE`; each has the time of a call."""
        self._starts[1] = time.perf_counter()
        self._calls[2] = what


def reset(page: mmap.mmap, slot: int) -> None:
    """Say that a slot is idle."""
    SLOT.pack_into(page, slot * SLOT_BYTES, IDLE, 0.0)
    LOADING.pack_into(page, slot * SLOT_BYTES + SLOT.size, IDLE)
