"""What flows through a stream of calls: items in, outcomes out, and no more than a bounded number in between.

Items gather while workers have enough to do and go out together: all that has gathered, as soon as workers have little
left. So a fast source makes large groups, a slow one waits for nothing, and nobody needs a clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from lithops.jobs.window import Window, WindowInputs
from lithops.records import replaced
from lithops.types import CallRange, CallState

if TYPE_CHECKING:
    from lithops.invoke.invoker import Invoker
    from lithops.jobs.build import Growing
    from lithops.types import Block

BUFFER = 4096
"""Calls in flight or not read, unless the user says how many."""
FIRST = 64
"""So many at first: how large results are is not known before there are some."""
BUFFER_BYTES = 64 << 20
"""What their inputs and results may take together, unless the user says how many calls."""
_SOME_PARALLEL = 64
"""For a backend that does not know how many calls it can run at the same time."""
_HANDED_S = 0.005
"""Seconds of work that a worker gets at once; a group is too short for a pool to find out by itself."""
_MOST_HANDED = 1024


class Flow:
    """The job of a stream, between who brings items and who takes outcomes. Thread-safe.

    `on_room` is called when there is room for an item after `put` has said that there is none, `on_outcome` when there
    may be outcomes, or the end has come, after `take` has found none: both on any thread, with no lock held.
    """

    def __init__(
        self,
        growing: Growing,
        invoker: Invoker,
        *,
        ordered: bool,
        buffer: int | None,
        tell_end: Callable[[], None],
    ) -> None:
        """`tell_end` is called once, when all calls have ended and there will be no more."""
        self.job = growing.job
        self.on_room: Callable[[], None] = _nobody
        self.on_outcome: Callable[[], None] = _nobody
        self.spread: Callable[[Callable[[], None]], object] = _directly
        """Runs what may take long; elsewhere, if the thread that calls `put` must not wait."""
        self._growing, self._invoker, self._tell_end = growing, invoker, tell_end
        self._window = window = Window(self.job.table.pump, ordered=ordered)
        window.on_fill = self._filled
        assert self.job.source is not None
        self.job.table, self.job.source = window, WindowInputs(self.job.source.function, window)
        self._busy = 2 * (self.job.facts.parallel or _SOME_PARALLEL)
        self._adapts_buffer, self._adapts_chunks = buffer is None, self.job.facts.chunksize is None
        self._hold(max(self._busy, FIRST) if buffer is None else buffer)
        self._input_bytes_each = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._gathered: deque[object] = deque()
        self._goal = 1  # so many items are sent as soon as they have gathered
        # Items are counted by who brings them, who sends them and who reads; none of these waits for another.
        self._brought = self._sent = self._read = 0
        self._wants_room = self._wants_outcome = False
        self._finished = self._halted = self._closed = self._told = False
        self._error: BaseException | None = None

    # --- who brings items, on one thread

    def put(self, item: object) -> bool:
        """Take in an item; return whether there is room for another."""
        self._brought += 1
        self._gathered.append(item)
        if self._finished:
            self._drop()
            self._settle()
            return False
        # Who ends calls lowers the goal first and then looks at what has gathered, so one of the two sees the other.
        if len(self._gathered) >= self._goal:
            self.spread(self._flush)
        return self._brought - self._read < self._most or self._ask_for_room()

    def _ask_for_room(self) -> bool:
        with self._lock:
            room = self._brought - self._read < self._most
            self._wants_room = not room
        return room

    @property
    def is_finished(self) -> bool:
        """Whether no more items are taken in."""
        return self._finished

    def finish(self, error: BaseException | None = None) -> None:
        """Say that there are no more items, or why there can be none; the first to say so counts."""
        with self._lock:
            if self._finished:
                return
            self._finished, self._error = True, error
        self._settle()

    # --- who takes outcomes

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to be taken."""
        return self._closed or (self._finished and self._read == self._brought)

    def take(self) -> list[object] | None:
        """Take the next outcomes, as reports bring them; none if there are none yet, None at the end.

        Raises, once, what `finish` was told.
        """
        most = self._at_once
        taken = self._window.take(most)
        if not taken:
            with self._lock:
                self._wants_outcome = True
            taken = self._window.take(most)  # they may have come just before
        with self._lock:
            if self._closed:
                return None
            if taken:
                self._wants_outcome = False
                self._read += len(taken)
            elif self._finished and self._read == self._brought:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                return None
            room = self._wants_room and self._is_worth_bringing()
            if room:
                self._wants_room = False
        if len(self._gathered) >= self._goal:
            self.spread(self._flush)
        if room:
            self.on_room()
        return taken

    def _is_worth_bringing(self) -> bool:
        """Whether there is room for some items at once, or for any where workers may run idle."""
        room = self._most - (self._brought - self._read)
        return room >= self._at_once or (room > 0 and self._window.unfinished < self._busy)

    # --- the end

    def close(self) -> None:
        """Give up what was not taken and cancel what is in flight; harmless when repeated."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._finished, self._error = True, None
        self._halt()

    def stop(self, error: BaseException) -> None:
        """Let nothing more be sent and cancel what is in flight; `error` follows the outcomes that are left."""
        self.finish(error)
        self._halt()

    def _halt(self) -> None:
        self._halted = True
        self._drop()
        self._cancel()
        self._settle()
        self.on_room()

    def _drop(self) -> None:
        """Forget items that are not to become calls."""
        with self._lock:
            self._sent += len(self._gathered)
            self._read += len(self._gathered)
            self._gathered.clear()

    def _cancel(self) -> None:
        for part in self._window.under_way():
            self._invoker.cancel(self.job, part.first, part.count)
        if self._closed:
            self._window.clear()

    def _settle(self) -> None:
        """Tell of the end of the job, once, when all items have become calls that have ended; have its reader look."""
        window = self._window
        with self._lock:
            ends = self._finished and self._sent == self._brought and not window.unfinished and not self._told
            if ends:
                self._told, window.calls = True, window.next_call
        if ends:
            window.on_fill = _nobody  # which would keep this alive, as this keeps the window
            self._tell_end()
        self._wake_reader()

    # --- how it is done

    def _hold(self, limit: int) -> None:
        """Hold no more than `limit` items, with those that were taken together and not read."""
        self._limit = limit
        self._at_once = max(1, limit // 8)  # outcomes that are taken together
        self._largest = max(1, limit // 4)  # group of items: some are worked on, some wait and some gather
        self._most = limit - self._at_once + 1  # items, without those that were taken

    def _filled(self) -> None:
        """Calls have ended."""
        if self._adapts_buffer and (fitting := self._fitting()) < self._limit:
            self._hold(fitting)
        self._aim()
        self._flush()
        if self._finished:
            self._settle()
        elif self._wants_outcome and self._window.has_ready:
            self._wake_reader()

    def _fitting(self) -> int:
        """How many items may be held if all take as much as those of late."""
        each = self._input_bytes_each + self._window.result_bytes_each + 1
        return max(self._busy, min(BUFFER, BUFFER_BYTES // each))

    def _aim(self) -> None:
        """Say how many items make a group: any number while workers may run idle, else half of what is in flight."""
        left = self._window.unfinished
        self._goal = 1 if left < self._busy else self._largest

    def _wake_reader(self) -> None:
        with self._lock:
            wakes, self._wants_outcome = self._wants_outcome, False
        if wakes:
            self.on_outcome()

    def _flush(self) -> None:
        """Send what has gathered, as far as it may be held: the limit may have become lower since it came.

        One thread at a time; who finds another at it leaves it to that one.
        """
        gathered = self._gathered
        while (
            len(gathered) >= self._goal
            and (room := self._most - (self._sent - self._read)) > 0
            and self._flushing.acquire(blocking=False)
        ):
            try:
                items: list[object] = []
                with suppress(IndexError):  # it was dropped meanwhile
                    for _ in range(min(len(gathered), self._largest, room)):
                        items.append(gathered.popleft())
                if items:
                    self._send(items)
            finally:
                self._flushing.release()

    def _send(self, items: list[object]) -> None:
        first = self._window.next_call
        try:
            blocks = self._growing.blocks(first, items)
        except Exception as error:  # noqa: BLE001 - the user's pickling
            if len(items) > 1:
                for item in items:  # one of them is to blame; the others shall not suffer
                    self._send([item])
            else:
                self._launch(1, [], error)
            return
        self._learn(blocks, len(items))
        self._launch(len(items), blocks)

    def _launch(self, count: int, blocks: list[Block], error: Exception | None = None) -> None:
        """Make calls of the next items: send them, or end the one that cannot be sent with its error."""
        with self._lock:
            self._sent += count
            halted = self._halted
            if halted:
                self._read += count
            else:
                first = self._window.add(count, blocks)
                self._aim()
        if not halted:
            if error is not None:
                self._invoker.fail(self.job, (first,), CallState.ERROR, error)
            else:
                self._invoker.submit(self.job, (CallRange(first=first, count=count),))
            if self._halted:  # meanwhile, and perhaps before they were submitted
                self._invoker.cancel(self.job, first, count)
                self._cancel()
        self._settle()

    def _learn(self, blocks: list[Block], count: int) -> None:
        """Adapt to what the calls of late took: how many are held, and how many a worker gets at once."""
        window, facts = self._window, self.job.facts
        if self._adapts_buffer:
            self._input_bytes_each = sum(block.payload.nbytes for block in blocks) // count
            self._hold(min(self._fitting(), 2 * self._limit if window.call_s else self._limit))
        if self._adapts_chunks and window.call_s:
            wanted = max(1, min(_MOST_HANDED, int(_HANDED_S / max(window.call_s, 1e-7))))
            chunksize = min(wanted, 2 * (facts.chunksize or 1))  # gradually: the first calls may not be typical
            if chunksize != facts.chunksize:
                self.job.facts = replaced(facts, chunksize=chunksize)


def _nobody() -> None:
    """Nobody wants to know."""


def _directly(work: Callable[[], None]) -> None:
    work()
