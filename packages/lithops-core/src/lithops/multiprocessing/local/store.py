"""What the manager process keeps, and what each step does to it. No input or output: who waits is called back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import NamedTuple

from lithops.multiprocessing.carrier import END, ME, NOBODY, NOTHING, PARTS, READ, USE, WRITE

Answer = Callable[[object], None]


class Waiter:
    """Somebody who waits for an item; `holder` is None for one who only watches."""

    __slots__ = ("answer", "gone", "holder", "refill")

    def __init__(self, answer: Answer, holder: Hashable | None, refill: str | None = None) -> None:
        self.answer = answer
        self.holder = holder
        self.refill = refill
        self.gone = False


class Hold(NamedTuple):
    """An item that somebody has taken, and the list that got a token in its place."""

    item: bytes
    refill: str | None


class Row:
    """One list, and who waits for it."""

    __slots__ = ("ends", "is_pipe", "items", "line", "owed", "waiters")

    def __init__(self) -> None:
        self.items: deque[bytes] = deque()
        self.waiters: deque[Waiter] = deque()
        self.ends: dict[str, dict[str, Hashable]] = {}  # by side, the ends and who has them
        self.is_pipe = False
        self.line: str | None = None  # of a place in line: which
        self.owed = 0  # tokens that were given for an item which then came back


class Store:
    """All lists, counts and what is held. Holders are processes, or connections with an item on its way."""

    def __init__(self, remove_block: Callable[[str], None]) -> None:
        self._rows: dict[str, Row] = {}
        self._tallies: dict[str, int] = {}
        self._held: dict[Hashable, dict[str, list[Hold]]] = {}
        self._owned: dict[Hashable, dict[tuple[str, str, str], None]] = {}  # by process, its ends
        self._remove_block = remove_block

    def fill(self, key: str, tokens: int) -> None:
        """See `Carrier.fill`."""
        self._append(key, [NOTHING] * tokens)

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
        owned: bool,
        tally: str | None,
        heard: bool,
    ) -> bool | None:
        """See `Carrier.give`; None stands for a broken pipe."""
        if heard and key not in self._rows:
            return None
        row = self._row(key)
        if (row.is_pipe or heard) and not row.ends.get(READ):
            return None
        if limit is not None and len(row.items) >= limit:
            return False
        if held is not None:
            self._let_go(holder, held, owned)
        if tally is not None:
            self.count(tally, 1)
        self._append(key, [item])
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
            self._append(tally, [NOTHING])
        return True

    def size(self, key: str) -> int:
        """See `Carrier.size`."""
        row = self._rows.get(key)
        return len(row.items) if row is not None else 0

    def clear(self, key: str) -> None:
        """See `Carrier.clear`."""
        self._row(key).items.clear()

    def discard(self, key: str) -> None:
        """Forget an object; who still waits for it goes on waiting."""
        for part in PARTS:
            row = self._rows.get(key + part)
            if row is not None and not any(not waiter.gone for waiter in row.waiters):
                del self._rows[key + part]
            self._tallies.pop(key + part, None)

    # --- standing in line

    def enlist(self, owner: Hashable, line: str, place: str) -> None:
        """See `Carrier.enlist`."""
        self._row(line).items.append(place.encode())
        self.open_end(owner, place, READ, place, None, ME)
        self._rows[place].line = line

    def notify(self, line: str, most: int) -> None:
        """See `Carrier.notify`."""
        items = self._row(line).items
        while most > 0 and items:
            place = items.popleft().decode()
            if place in self._rows:
                self._append(place, [NOTHING])
                most -= 1

    def leave(self, line: str, place: str) -> bool:
        """See `Carrier.leave`."""
        self.close_end(place, READ, place)
        row = self._rows.get(line)
        if row is None or place.encode() not in row.items:
            return True
        row.items.remove(place.encode())
        return False

    # --- what is held

    def forget(self, holder: Hashable) -> None:
        """Forget all that somebody holds."""
        self._held.pop(holder, None)

    def give_back(self, holder: Hashable, only: str | None = None) -> None:
        """Put what somebody holds back to where it came from; with `only`, the last of what is from that list."""
        if only is not None:
            holds = self._held.get(holder, {}).get(only)
            back = {only: [holds.pop()]} if holds else {}
        else:
            back = self._held.pop(holder, {})
        for key, holds in back.items():
            for hold in holds:
                if hold.refill is not None:
                    self._owe(hold.refill)
            if key in self._rows:
                self._append(key, [hold.item for hold in holds], front=True)

    def _let_go(self, holder: Hashable, key: str, owned: bool) -> None:
        """Forget one item that is held: by the holder, else by anybody, as any process may release a lock."""
        for owner in (holder,) if owned else (holder, *self._held):
            if holds := self._held.get(owner, {}).get(key):
                holds.pop()
                return

    def _owe(self, key: str) -> None:
        """Take a token away again, now or from the next that come."""
        row = self._row(key)
        if row.items:
            row.items.popleft()
        else:
            row.owed += 1

    # --- ends

    def open_end(self, me: Hashable, key: str, side: str, end: str, instead_of: str | None, owner: str) -> bool:
        """See `Carrier.open_end`; False if nobody reads the list that should tell the owner."""
        who: Hashable = me
        if owner == NOBODY:
            who = None
        elif owner != ME:
            readers = self._rows[owner].ends.get(READ) if owner in self._rows else None
            if not readers:
                return False
            who = next(iter(readers.values()))
        row = self._row(key)
        row.is_pipe |= side != USE
        row.ends.setdefault(side, {})[end] = who
        self._owned.setdefault(who, {})[key, side, end] = None
        if instead_of is not None:
            self._drop_end(row, key, side, instead_of)
        return True

    def close_end(self, key: str, side: str, end: str) -> None:
        """See `Carrier.close_end`."""
        row = self._rows.get(key)
        if row is None or not self._drop_end(row, key, side, end):
            return
        if not row.ends[side] and side == WRITE:
            self._append(key, [END])
        if not any(row.ends.values()):
            self.discard(key)
            if side == USE:
                self._remove_block(key)

    def close_ends(self, owner: Hashable) -> None:
        """Close all ends that a process has."""
        for key, side, end in list(self._owned.pop(owner, ())):
            row = self._rows.get(key)
            if row is None or row.line is None:
                self.close_end(key, side, end)
            elif self.leave(row.line, key):
                self.notify(row.line, 1)

    def _drop_end(self, row: Row, key: str, side: str, end: str) -> bool:
        ends = row.ends.get(side, {})
        if end not in ends:
            return False
        owned = self._owned.get(ends[end])
        if owned is not None:
            owned.pop((key, side, end), None)
            if not owned:
                del self._owned[ends[end]]
        del ends[end]
        return True

    # --- inside

    def _row(self, key: str) -> Row:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = Row()
        return row

    def _append(self, key: str, items: list[bytes], *, front: bool = False) -> None:
        row = self._row(key)
        if row.owed:
            paid = min(row.owed, len(items))
            row.owed -= paid
            items = items[paid:]
        if front:
            row.items.extendleft(reversed(items))
        else:
            row.items.extend(items)
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
        hold = Hold(row.items.popleft(), waiter.refill)
        self._held.setdefault(waiter.holder, {}).setdefault(key, []).append(hold)
        waiter.answer(hold.item)
        if hold.refill is not None:
            self._append(hold.refill, [NOTHING])
