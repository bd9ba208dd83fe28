"""Functions and shared segments, as the driver keeps them for its workers."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from lithops.pool import frames, shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.pool.run import Slot
    from lithops.types import Payload

KEPT_BY_WORKER = 32
"""Functions a worker keeps; the driver counts along, so it always knows which they are."""
KEPT_BY_DRIVER = 64


class Library:
    """Numbers for functions and segments, and what each worker has of them."""

    def __init__(self, slots: Sequence[Slot], *, share: bool) -> None:
        self._slots = slots
        self._share = share
        self._functions: OrderedDict[int, tuple[int, Payload]] = OrderedDict()  # by id; the payload keeps it taken
        self._segments: dict[int, tuple[int, memoryview, int]] = {}  # by id: number, buffer, descriptor or -1
        self._uses: dict[int, int] = {}  # by id of the buffer: how many functions and runs need it
        self._unneeded: dict[int, memoryview] = {}  # by id; what was released last: the next run may need it again
        self._last = 0

    def provide(self, slot: Slot, payload: Payload) -> int:
        """Make sure that a worker has a function; return its number."""
        known = self._functions.get(id(payload))
        if known is None:
            self._last += 1
            known = self._functions[id(payload)] = (self._last, payload)
            self.hold(payload.buffers)
            while len(self._functions) > KEPT_BY_DRIVER:
                _, (_, old) = self._functions.popitem(last=False)
                self.release(old.buffers)
        number = known[0]
        if number in slot.functions:
            slot.functions.move_to_end(number)
            return number
        connection = slot.connection
        assert connection is not None
        references = [self.segment(slot, buffer) for buffer in payload.buffers]
        connection.send(frames.FUNCTION, 0, number, 0, 0, payload.body, references, more=True)
        slot.functions[number] = None
        if len(slot.functions) > KEPT_BY_WORKER:
            oldest, _ = slot.functions.popitem(last=False)
            connection.send(frames.FORGET, 0, oldest, more=True)
        return number

    def segment(self, slot: Slot, buffer: memoryview) -> int:
        """Make sure that a worker has a shared buffer; return its number."""
        known = self._segments.get(id(buffer))
        if known is None:
            self._last += 1
            descriptor = self._keep(buffer)
            known = self._segments[id(buffer)] = (self._last, buffer, descriptor)
        number, _, descriptor = known
        if number not in slot.segments:
            connection = slot.connection
            assert connection is not None
            if descriptor >= 0:
                connection.send_descriptor(frames.SEGMENT, number, buffer.nbytes, descriptor)
            else:
                connection.send(frames.SEGMENT, 0, number, 0, 0, buffer)
            slot.segments.add(number)
        return number

    def _keep(self, buffer: memoryview) -> int:
        """Put a buffer into shared memory; -1 where that cannot be done, and it is sent to each worker."""
        if not self._share:
            return -1
        try:
            descriptor = shared.create([buffer])
        except OSError:
            return -1
        if shared.scarce(descriptor):
            os.close(descriptor)
            return -1
        return descriptor

    def hold(self, buffers: Sequence[memoryview]) -> None:
        """Keep shared buffers, once they are segments, until `release` has been called as often as this."""
        for buffer in buffers:
            self._uses[id(buffer)] = self._uses.get(id(buffer), 0) + 1
            self._unneeded.pop(id(buffer), None)

    def release(self, buffers: Sequence[memoryview]) -> None:
        """Say that somebody needs shared buffers no more. Once nobody does, the next of them to come to this, or `let_go`,
        ends them."""
        free: dict[int, memoryview] = {}
        for buffer in buffers:
            left = self._uses.pop(id(buffer), 0) - 1
            if left > 0:
                self._uses[id(buffer)] = left
            elif id(buffer) in self._segments:
                free[id(buffer)] = buffer
        if free:
            self.let_go()
            self._unneeded = free

    @property
    def has_unneeded(self) -> bool:
        """Whether there is something to let go of."""
        return bool(self._unneeded)

    def let_go(self) -> None:
        """End the segments that nobody needs."""
        unneeded, self._unneeded = self._unneeded, {}
        for name in unneeded:
            number, _, descriptor = self._segments.pop(name)
            if descriptor >= 0:
                os.close(descriptor)
            for slot in self._slots:
                if number in slot.segments and slot.connection is not None:
                    slot.segments.discard(number)
                    slot.block = None  # the worker forgets it, too: it may refer to the segment
                    with contextlib.suppress(OSError):  # it has died, with which somebody else deals
                        slot.connection.send(frames.RELEASE, 0, number)

    def close(self) -> None:
        """Close all descriptors."""
        for _, _, descriptor in self._segments.values():
            if descriptor >= 0:
                os.close(descriptor)
        self._segments.clear()
        self._uses.clear()
        self._unneeded.clear()
        self._functions.clear()
