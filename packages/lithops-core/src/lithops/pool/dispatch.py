"""Who runs what next: calls go to idle workers, and unbegun ones from busy workers to idle ones."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from lithops.errors import BackendError
from lithops.pool import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lithops.pool.library import Library
    from lithops.pool.run import Run, Slot
    from lithops.pool.shared import Buffer

logger = logging.getLogger(__name__)

STEAL_S = 0.003
"""How long a worker may be silent before calls it has not begun go to an idle one."""


class Dispatcher:
    """Hands out the calls of all runs. Guarded by the pool's lock."""

    def __init__(
        self,
        slots: Sequence[Slot],
        library: Library,
        *,
        spawn: Callable[[Slot], None],
        kill: Callable[[int], None],
        wait_to_write: Callable[[Slot], None],
    ) -> None:
        """`spawn` puts a worker into a slot, `kill` ends a process, `wait_to_write` has the rest of a frame sent."""
        self._slots = slots
        self._library = library
        self._spawn = spawn
        self._kill = kill
        self._wait_to_write = wait_to_write
        self.runs: deque[Run] = deque()
        self.spawned = 0  # slots from the first on that have had a worker

    def add(self, run: Run) -> None:
        """Take in the calls of a run; `feed` hands them out."""
        self.runs.append(run)

    def clear(self) -> None:
        """Forget all runs and workers."""
        self.runs.clear()
        self.spawned = 0

    def feed(self) -> None:
        """Give idle workers work, start more of them where there is more work, then let each prefetch one range."""
        while (run := self._next_run()) is not None:
            slot = self._least_loaded()
            if slot is None:
                return
            self._hand(slot, run)

    def _least_loaded(self) -> Slot | None:
        """Return an idle worker, a new one, or one that may prefetch; None if all have enough."""
        prefetching = vacant = None
        for slot in self._slots[: self.spawned]:
            if slot.connection is None:
                vacant = vacant if slot.barred else slot
                continue
            if slot.exhausted:
                if not slot.queue and slot.pid is not None:
                    self._kill(slot.pid)  # it runs nothing, and only a new one can be given more
                continue
            if not slot.queue:
                return slot
            if prefetching is None and len(slot.queue) < 2:
                prefetching = slot
        if vacant is None and self.spawned < len(self._slots):
            vacant = self._slots[self.spawned]
            self.spawned += 1
        if vacant is not None:
            try:
                self._spawn(vacant)
            except BackendError:
                if all(slot.connection is None for slot in self._slots):
                    raise
                return prefetching  # fewer workers have to do
        return vacant or prefetching

    def _next_run(self) -> Run | None:
        """Return the next run with unsent calls, all runs in turn."""
        runs = self.runs
        while runs:
            run = runs[0]
            if run.unsent_count:
                if len(runs) > 1:
                    runs.rotate(-1)
                return run
            runs.popleft()
        return None

    def _hand(self, slot: Slot, run: Run) -> None:
        low, high, block = run.take(min(run.batch, self._fair(run.batch)))
        connection = slot.connection
        assert connection is not None
        epoch = slot.hand(run, low, high).epoch
        try:
            os.write(slot.token_write, bytes((epoch,)) * (high - low))
            number = self._library.provide(slot, run.source.function)
            if slot.block is not block:
                payload = block.payload
                references: Sequence[Buffer | int] = ()
                if payload.buffers:
                    references = [
                        self._library.segment(slot, buffer) if any(buffer is s for s in run.source.shared) else buffer
                        for buffer in payload.buffers
                    ]
                connection.send(frames.BLOCK, 0, 0, block.first, block.count, payload.body, references, more=True)
                slot.block = block
            connection.send(frames.RANGE, epoch, number, low, high - low, run.name)
        except OSError as error:
            # A worker that died is dealt with when the zygote says how; without memory for the frame we cannot go on.
            if not isinstance(error, ConnectionError):
                logger.warning("cannot hand calls to a worker: %s; it is replaced", error)
                slot.doom = None
                if slot.pid is not None:
                    self._kill(slot.pid)
        if connection.wants_to_write:
            self._wait_to_write(slot)

    def _fair(self, most: int) -> int:
        """Return how many calls may go to one worker, `most` or fewer: towards the end of all work, ranges get short."""
        shares, unsent = 2 * len(self._slots), 0
        for run in self.runs:
            unsent += run.unsent_count
            if unsent >= most * shares:
                return most
        return max(1, -(-unsent // shares))

    def take_back(self, slot: Slot) -> int:
        """Take all calls that a worker has not begun, even while user code holds its interpreter; return how many."""
        try:
            tokens = os.read(slot.token_read, 65536)
        except (BlockingIOError, OSError):
            return 0
        for handed in reversed(list(slot.queue)):
            count = tokens.count(handed.epoch)
            if count:
                self.give_back(handed.run, handed.high - count, handed.high)
                handed.high -= count
                slot.outstanding -= count
                if handed.low == handed.high:
                    slot.queue.remove(handed)
        return len(tokens)

    def give_back(self, run: Run, low: int, high: int) -> None:
        """Put calls that did not begin back to the work that is to be handed out."""
        run.give_back(low, high)
        if run.unsent_count and run not in self.runs:
            self.runs.append(run)

    def steal(self) -> None:
        """Where workers have nothing to do, let them have what others have not begun."""
        behind = [slot for slot in self._slots[: self.spawned] if slot.outstanding > 1]
        if not behind or self._next_run() is not None or not self.has_idle:
            return
        now = time.perf_counter()
        for slot in behind:
            if now - slot.touched > STEAL_S * 0.7:
                self.take_back(slot)
        self.feed()

    @property
    def has_idle(self) -> bool:
        """Whether a worker has nothing to do, or there could be another."""
        return self.spawned < len(self._slots) or any(not s.queue and not s.barred for s in self._slots)
