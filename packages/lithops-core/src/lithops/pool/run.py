"""What a pool knows of the work it was given: activations, the ranges handed out, the workers."""

from __future__ import annotations

import enum
import os
import socket
import struct
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from lithops.pool.frames import Connection
from lithops.types import CallRange
from lithops.worker import page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from mmap import mmap

    from lithops.types import Activation, Block, CallSource, Sink

TARGET_S = 0.005
"""Seconds of work handed to a worker at once."""
LARGEST_BATCH = 1024
EPOCHS = 255
"""A token is one byte and not 0, so this many ranges can be told apart."""
_SOCKET_BYTES = 1 << 20
_FOREVER = float("inf")


class Doom(enum.Enum):
    """Why the pool itself ended a worker."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"


class Run:
    """One activation in the pool."""

    __slots__ = ("_poison", "activation", "batch", "key", "left", "name", "sink", "source", "unsent", "unsent_count")

    def __init__(self, activation: Activation, source: CallSource, sink: Sink) -> None:
        self.activation = activation
        self.source = source
        self.sink = sink
        self.key = self.name = activation.job_key.encode()
        self._poison: set[int] = set()
        self.unsent = deque([(r.first, r.first + r.count) for r in activation.ranges])
        self.unsent_count = sum([high - low for low, high in self.unsent])
        self.left = self.unsent_count  # calls that have not ended
        self.batch = activation.chunksize or 1

    def take(self, most: int) -> tuple[int, int, Block]:
        """Take up to `most` calls that share a block off the front of the work: from, to, their block."""
        low, high = self.unsent.popleft()
        block = self.source.block_of(low)
        cut = min(high, low + most, block.first + block.count)
        if cut < high:
            self.unsent.appendleft((cut, high))
        self.unsent_count -= cut - low
        return low, cut, block

    def give_back(self, low: int, high: int) -> None:
        """Put calls that did not begin back to the front."""
        if low < high:
            self.unsent.appendleft((low, high))
            self.unsent_count += high - low

    def cut(self, low: int, high: int) -> list[tuple[int, int]]:
        """Remove the unsent calls from `low` to `high`; return what was removed."""
        removed: list[tuple[int, int]] = []
        kept: deque[tuple[int, int]] = deque()
        for a, b in self.unsent:
            x, y = max(a, low), min(b, high)
            if x >= y:
                kept.append((a, b))
                continue
            removed.append((x, y))
            if a < x:
                kept.append((a, x))
            if y < b:
                kept.append((y, b))
        self.unsent = kept
        self.unsent_count -= sum(y - x for x, y in removed)
        return removed

    def avoid(self, call: int) -> None:
        """Have workers not load the item of a call, of which one died; `name` tells them, behind the job's key."""
        self._poison.add(call)
        self.name = self.key + b"\0" + struct.pack(f"<{len(self._poison)}Q", *sorted(self._poison))

    def learn(self, seconds_per_call: float) -> None:
        """Adapt the batch to what calls take: growing is gradual, for the first calls may not be typical."""
        if self.activation.chunksize is not None:
            return
        want = max(1, min(LARGEST_BATCH, int(TARGET_S / max(seconds_per_call, 1e-7))))
        self.batch = min(want, self.batch * 2) if want > self.batch else max(want, self.batch // 2)


class Handed:
    """A range of calls that a worker has; `low` moves up as they are reported."""

    __slots__ = ("epoch", "high", "low", "number", "run")

    def __init__(self, run: Run, low: int, high: int, number: int) -> None:
        self.run, self.low, self.high, self.number = run, low, high, number
        self.epoch = number % EPOCHS + 1  # what its tokens bear


class Slot:
    """A place for one worker process, and the process that has it now."""

    __slots__ = (
        "barred",
        "block",
        "connection",
        "doom",
        "doomed",
        "due",
        "functions",
        "handed",
        "heard",
        "index",
        "log_position",
        "name",
        "outstanding",
        "pid",
        "queue",
        "segments",
        "token_read",
        "token_write",
        "touched",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.handed = 0
        self.barred = False  # no process can be had for it
        self.connection: Connection | None = None
        self.forget()

    def open(self, *, share: bool) -> socket.socket:
        """Make the stream and the token pipe of a new process; returns the process's end of the stream.

        Raises `OSError` if there are too many open files.
        """
        self.forget()
        read, write = os.pipe()
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            os.close(read)
            os.close(write)
            raise
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            end.settimeout(None)  # the program may have set a default, which would go with the descriptor
        ours.setblocking(False)
        os.set_blocking(read, False)
        self.connection, self.token_read, self.token_write = Connection(ours, share=share), read, write
        return theirs

    def close(self) -> None:
        """Close what `open` made, and forget the process."""
        if self.connection is not None:
            self.connection.close()
            os.close(self.token_read)
            os.close(self.token_write)
            self.connection = None
        self.forget()

    def forget(self) -> None:
        """Drop all that was known of the process."""
        self.pid: int | None = None
        self.token_read = self.token_write = -1
        self.queue: deque[Handed] = deque()
        self.outstanding = 0
        self.functions: OrderedDict[int, None] = OrderedDict()
        self.segments: set[int] = set()
        self.block: object = None
        self.doom: Doom | None = None
        self.doomed = -1  # the call it was doomed for
        self.touched = 0.0  # when it was last heard of or given something
        self.due = _FOREVER  # no call of it can be overdue before
        self.name = ""
        self.log_position = 0
        self.heard = self.handed  # ranges up to this one are not on the stream any more

    def born(self, pid: int) -> None:
        """Note which process it is."""
        self.pid = pid
        self.name = f"{self.index}-{pid}"

    def hand(self, run: Run, low: int, high: int) -> Handed:
        """Add a range to the queue."""
        self.handed += 1
        handed = Handed(run, low, high, self.handed)
        self.touched = now = time.perf_counter()
        due = now + run.activation.timeout_s
        self.due = min(self.due, due) if self.queue else due
        self.queue.append(handed)
        self.outstanding += high - low
        return handed

    def heard_of(self, epoch: int, count: int) -> Run | None:
        """Take note that the next `count` calls of a range are over; return the run they belong to."""
        for handed in self.queue:
            if handed.epoch == epoch:
                break
        else:
            return None
        handed.low += count
        self.heard = max(self.heard, handed.number - 1)
        if handed.low >= handed.high:
            self.queue.remove(handed)
        self.outstanding -= count
        self.touched = time.perf_counter()
        return handed.run

    @property
    def exhausted(self) -> bool:
        """Whether the next range could be taken for one that the process has yet to read, though it was taken back."""
        return self.handed - self.heard >= EPOCHS - 1


def not_begun(run: Run, slots: Sequence[Slot], area: mmap) -> list[CallRange]:
    """Return all calls of a run that are not over, but for those that workers are at, by the page they share."""
    parts = list(run.unsent)
    for slot in slots:
        running, _ = page.read(area, slot.index)
        for handed in slot.queue:
            if handed.run is run and handed.low <= running < handed.high:
                parts += [(handed.low, running), (running + 1, handed.high)]
            elif handed.run is run:
                parts.append((handed.low, handed.high))
    attempt = run.activation.ranges[0].attempt
    return [CallRange(first=a, count=b - a, attempt=attempt) for a, b in parts if a < b]
