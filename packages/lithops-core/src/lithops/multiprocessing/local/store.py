"""What the manager process keeps, and what each step does to it. No input or output: who waits is called back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

from lithops.multiprocessing.carrier import END, NOTHING, READ, WRITE

Answer = Callable[[object], None]


class Waiter:
    """Somebody who waits for an item; `holder` is None for one who only watches."""

    __slots__ = ("answer", "gone", "holder")

    def __init__(self, answer: Answer, holder: Hashable | None) -> None:
        self.answer = answer
        self.holder = holder
        self.gone = False


class Row:
    """One list, and who waits for it."""

    __slots__ = ("ends", "items", "waiters")

    def __init__(self) -> None:
        self.items: deque[bytes] = deque()
        self.waiters: deque[Waiter] = deque()
        self.ends: dict[str, dict[str, Hashable]] = {}  # of a pipe: by side, the ends and who has them


class Store:
    """All lists, counts and what is held. Holders are processes, or connections with an item on its way."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._tallies: dict[str, int] = {}
        self._held: dict[Hashable, dict[str, list[bytes]]] = {}

    def fill(self, key: str, tokens: int) -> None:
        """See `Carrier.fill`."""
        self._row(key).items.extend([NOTHING] * tokens)
        self._serve(key)

    def take(self, key: str, waiter: Waiter, *, wait: bool) -> bool:
        """Answer a waiter with the first item, or True if it only watches; else line it up. False: it has to wait."""
        row = self._row(key)
        if row.items:
            self._hand(key, row, waiter)
            return True
        if wait:
            row.waiters.append(waiter)
        return False

    def give(
        self,
        holder: Hashable,
        key: str,
        item: bytes,
        limit: int | None,
        held: str | None,
        tally: str | None,
        heard: bool,
    ) -> bool | None:
        """See `Carrier.give`; None stands for a broken pipe."""
        if heard and key not in self._rows:
            return None
        row = self._row(key)
        if (row.ends or heard) and not row.ends.get(READ):
            return None
        if limit is not None and len(row.items) >= limit:
            return False
        if held is not None:
            self.let_go(holder, held)
        if tally is not None:
            self.count(tally, 1)
        row.items.append(item)
        self._serve(key)
        return True

    def count(self, tally: str, by: int) -> bool:
        """See `Carrier.count`."""
        value = self._tallies.get(tally, 0) + by
        if value < 0:
            return False
        self._tallies[tally] = value
        row = self._row(tally)
        if value:
            row.items.clear()
        elif not row.items:
            row.items.append(NOTHING)
            self._serve(tally)
        return True

    def size(self, key: str) -> int:
        """See `Carrier.size`."""
        row = self._rows.get(key)
        return len(row.items) if row is not None else 0

    def remove(self, key: str, item: bytes) -> bool:
        """See `Carrier.remove`."""
        try:
            self._row(key).items.remove(item)
        except ValueError:
            return False
        return True

    def clear(self, key: str) -> None:
        """See `Carrier.clear`."""
        self._row(key).items.clear()

    def discard(self, key: str) -> None:
        """Forget a list; who still waits for it goes on waiting."""
        row = self._rows.get(key)
        if row is not None and not any(not waiter.gone for waiter in row.waiters):
            del self._rows[key]
        self._tallies.pop(key, None)

    # --- what is held

    def let_go(self, holder: Hashable, key: str) -> None:
        """Forget one item that is held: by the holder, else by anybody, as any process may release a lock."""
        for owner in (holder, *self._held):
            if items := self._held.get(owner, {}).get(key):
                items.pop()
                return

    def forget(self, holder: Hashable) -> None:
        """Forget all that somebody holds."""
        self._held.pop(holder, None)

    def give_back(self, holder: Hashable, only: str | None = None) -> None:
        """Put what somebody holds back to where it came from; with `only`, the last of what is from that list."""
        if only is not None:
            if items := self._held.get(holder, {}).get(only):
                self._row(only).items.appendleft(items.pop())
                self._serve(only)
            return
        for key, items in self._held.pop(holder, {}).items():
            self._row(key).items.extendleft(reversed(items))
            self._serve(key)

    # --- pipes

    def open_end(self, owner: Hashable, key: str, side: str, end: str, instead_of: str | None) -> None:
        """See `Carrier.open_end`."""
        ends = self._row(key).ends.setdefault(side, {})
        ends[end] = owner
        if instead_of is not None:
            ends.pop(instead_of, None)

    def close_end(self, key: str, side: str, end: str) -> None:
        """See `Carrier.close_end`."""
        row = self._rows.get(key)
        if row is None or row.ends.get(side, {}).pop(end, None) is None:
            return
        if not row.ends[side] and side == WRITE:
            row.items.append(END)
            self._serve(key)
        if not any(row.ends.values()):
            self._rows.pop(key)

    def close_ends(self, owner: Hashable) -> None:
        """Close all ends that a process has."""
        for key, row in list(self._rows.items()):
            for side, ends in list(row.ends.items()):
                for end in [end for end, who in ends.items() if who == owner]:
                    self.close_end(key, side, end)

    # --- inside

    def _row(self, key: str) -> Row:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = Row()
        return row

    def _serve(self, key: str) -> None:
        row = self._rows[key]
        while row.items and row.waiters:
            waiter = row.waiters.popleft()
            if not waiter.gone:
                self._hand(key, row, waiter)

    def _hand(self, key: str, row: Row, waiter: Waiter) -> None:
        waiter.gone = True
        if waiter.holder is None:
            waiter.answer(True)
            return
        if row.items[0] == END:
            waiter.answer(END)
            return
        item = row.items.popleft()
        self._held.setdefault(waiter.holder, {}).setdefault(key, []).append(item)
        waiter.answer(item)
