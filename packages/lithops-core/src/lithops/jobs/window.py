"""The table of a job whose calls are not known beforehand: a stream of them, of which only a part is under way.

Calls come in groups. A group is let go when its calls have ended and their outcomes were taken, so the table holds no
more than what is under way, however long the stream.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence

from lithops.invoke.ranges import merged
from lithops.jobs.table import JobTable
from lithops.types import Block, CallRange, Payload, Pump, Report
from lithops.worker import codec

_OPEN, _OVER = b"\0", b"\1"


class Group:
    """Consecutive calls that were sent together; `taken` of their outcomes were taken, the first ones."""

    __slots__ = ("blocks", "count", "entries", "first", "left", "over", "taken")

    def __init__(self, first: int, count: int, blocks: list[Block]) -> None:
        self.first, self.count, self.blocks = first, count, blocks
        self.over = bytearray(count)
        self.entries: list[object] = [None] * count
        self.left, self.taken = count, 0


class Window(JobTable):
    """The calls of a stream that are under way, for an invoker to fill and for a reader to take from. Thread-safe.

    It measures nothing of single calls: no future looks at it. `ordered` says whether outcomes are taken in the order
    of the calls or in that of their ends.
    """

    remembers = False

    def __init__(self, pump: Pump | None, *, ordered: bool) -> None:
        super().__init__(0, pump)
        self.unfinished = 0  # calls that were sent and have not ended
        self.call_s = 0.0  # what the calls of the last report took, on average
        self.result_bytes_each = 0  # and how large their results were
        self.on_fill: Callable[[], None] = _nobody  # called after calls have ended, with no lock held
        self._ordered = ordered
        self._sent = 0
        self._groups: list[Group] = []
        self._firsts: list[int] = []
        self._ready: deque[list[object]] = deque()  # unordered: outcomes that nobody has taken

    # --- what an invoker asks

    @property
    def complete(self) -> bool:
        """Never: an invoker cannot know whether more calls will come. Who brings the items tells of the end."""
        return False

    def is_over(self, call: int) -> bool:
        """Whether a call has ended, however."""
        with self._lock:
            group = self._group_of(call)
            return group is None or bool(group.over[call - group.first])

    def attempt_of(self, call: int) -> int:
        """Nothing: an attempt is not kept with the outcome."""
        return 0

    def sent(self, first: int, count: int) -> None:
        """A call is under way from the moment it is added, so there is nothing to note."""

    def fill(self, report: Report, entries: Sequence[object], at: float, skip: Collection[int] = ()) -> int:
        """Take in what a report says of calls that have not ended, as `JobTable.fill` does; return how many."""
        fresh = 0
        with self._lock:
            for group, low, high in self._parts(report.first, report.first + report.count):
                base = group.first - report.first
                fresh += self._fill(group, low, high, entries[base + low : base + high], skip)
            self.unfinished -= fresh
            if report.worker:
                self.call_s = (report.ended[-1] - report.started[0]) / report.count
                self.result_bytes_each = report.results.nbytes // report.count
        if fresh:
            self.on_fill()
        return fresh

    def block_of(self, call: int) -> Block:
        """Return the block that holds the input of a call; one without any if the call has ended meanwhile."""
        with self._lock:
            group = self._group_of(call)
            for block in reversed(group.blocks if group is not None else ()):
                if block.first <= call:
                    return block
        return Block(first=call, count=1, payload=_NOTHING)

    # --- what a stream asks

    def add(self, count: int, blocks: list[Block]) -> int:
        """Add the next calls, which are about to be sent; return the number of the first of them."""
        with self._lock:
            first, self._sent = self._sent, self._sent + count
            self._groups.append(Group(first, count, blocks))
            self._firsts.append(first)
            self.unfinished += count
        return first

    @property
    def next_call(self) -> int:
        """The number of the next call to be added."""
        return self._sent

    @property
    def has_ready(self) -> bool:
        """Whether there are outcomes that may be taken."""
        with self._lock:
            if not self._ordered:
                return bool(self._ready)
            return bool(self._groups) and bool(self._groups[0].over[self._groups[0].taken])

    def take(self, most: int) -> list[object]:
        """Take up to `most` outcomes, as a report brought them; none if there are none that may be taken."""
        with self._lock:
            return self._take_next(most) if self._ordered else self._take_any(most)

    def under_way(self) -> list[CallRange]:
        """Return the calls of the groups that are not let go of; all others have ended."""
        with self._lock:
            return list(merged(CallRange(first=group.first, count=group.count) for group in self._groups))

    def clear(self) -> None:
        """Let go of everything: nobody will take what there is, and no call of it matters any more."""
        with self._lock:
            self._groups.clear()
            self._firsts.clear()
            self._ready.clear()

    # --- how it is done

    def _group_of(self, call: int) -> Group | None:
        place = bisect_right(self._firsts, call) - 1
        if place < 0:
            return None
        group = self._groups[place]
        return group if call < group.first + group.count else None

    def _parts(self, low: int, high: int) -> Iterator[tuple[Group, int, int]]:
        """Yield the groups that have calls from `low` to `high`, with which of their calls these are."""
        place = max(0, bisect_right(self._firsts, low) - 1)
        for group in self._groups[place : bisect_right(self._firsts, high - 1)]:
            first, last = max(low - group.first, 0), min(high - group.first, group.count)
            if first < last:
                yield group, first, last

    def _fill(self, group: Group, low: int, high: int, entries: Sequence[object], skip: Collection[int]) -> int:
        if not skip and group.over.find(_OVER, low, high) < 0:
            count = high - low
            group.over[low:high] = _OVER * count
            fresh: list[object] = list(entries)
            if self._ordered:
                group.entries[low:high] = fresh
        else:
            fresh = []
            for place, entry in zip(range(low, high), entries, strict=True):
                if not group.over[place] and group.first + place not in skip:
                    group.over[place] = 1
                    group.entries[place] = entry if self._ordered else None
                    fresh.append(entry)
            count = len(fresh)
        if count and not self._ordered:
            self._ready.append(fresh)
        group.left -= count
        if not group.left and count:
            group.blocks = []
            if not self._ordered:
                self._drop(group)
        return count

    def _take_next(self, most: int) -> list[object]:
        if not self._groups:
            return []
        group = self._groups[0]
        low = group.taken
        end = group.over.find(_OPEN, low, low + most)
        high = min(low + most, group.count) if end < 0 else end
        taken = group.entries[low:high]
        group.entries[low:high] = [None] * (high - low)
        group.taken = high
        if high == group.count:
            self._drop(group)
        return taken

    def _take_any(self, most: int) -> list[object]:
        if not self._ready:
            return []
        taken = self._ready.popleft()
        if len(taken) > most:
            self._ready.appendleft(taken[most:])
            del taken[most:]
        return taken

    def _drop(self, group: Group) -> None:
        place = bisect_right(self._firsts, group.first) - 1
        del self._groups[place], self._firsts[place]


class WindowInputs:
    """A `lithops.types.CallSource` over the inputs of the calls that are under way."""

    shared: tuple[memoryview, ...] = ()

    def __init__(self, function: Payload, window: Window) -> None:
        self.function = function
        self.block_of = window.block_of


_NOTHING = codec.encode_atoms([])


def _nobody() -> None:
    """Nobody wants to know."""
