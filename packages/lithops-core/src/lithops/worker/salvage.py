"""What may still be used after an item of a block could not be loaded.

The pickles of a block share their memo: what one of them has written, later ones refer to by number. Where one stops
half way, the numbers it did not come to must stay taken, and objects it did not finish must not reach other calls.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_CHANGING = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
_FETCHING = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Entry:
    """What stands on the unpickler's stack, as far as it matters here."""

    __slots__ = ("called", "number", "parts")

    def __init__(self, number: int | None = None) -> None:
        self.number = number  # in the memo
        self.parts: tuple[_Entry, ...] = ()  # of a short tuple
        self.called = False  # the result of a call, with `parts` as its arguments


_MARK = _Entry()


def lost_entries(data: bytes, first: int, made: int) -> tuple[int, set[int]]:
    """Return how many memo entries a pickle makes, and the numbers of those that must not be used.

    `first` is the number of its first entry; `made` is how many it made before it failed, 0 if it was not tried. An
    entry may be used if it was made and nothing that comes after changes it. If anything refers to one that is still
    being changed, all entries of this pickle are given up.
    """
    stack: list[_Entry] = []
    count = moment = 0
    changed: dict[int, int] = {}  # by number: where it is changed for the last time
    fetched: list[tuple[int, _Entry]] = []
    for where, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        name = opcode.name
        if name == "MEMOIZE":
            stack[-1].number = first + count
            changed[first + count] = where
            count += 1
            if count == made:
                moment = where
        elif name in _FETCHING:
            entry = _Entry(argument)
            stack.append(entry)
            fetched.append((where, entry))
        elif name == "POP":
            entry = stack.pop()
            if entry.called and entry.parts and entry.parts[0].number is not None:
                # A function was called for what it does to its first argument, as picklers set the state of classes.
                changed[entry.parts[0].number] = where
                fetched = [(at, other) for at, other in fetched if other is not entry.parts[0]]
        else:
            _move(stack, opcode, changed, where)
    lost = {number for number, at in changed.items() if number >= first and (number >= first + made or at > moment)}
    if any(at <= moment and entry.number in lost for at, entry in fetched):
        lost = set(range(first, first + count))
    return count, lost


def fetches(data: bytes, numbers: Collection[int]) -> bool:
    """Whether a pickle refers to one of these memo entries."""
    return any(opcode.name in _FETCHING and argument in numbers for opcode, argument, _ in pickletools.genops(data))


class _Reminded(pickle.Unpickler):
    """Knows objects by number."""

    def __init__(self, objects: dict[int, object], data: bytes, buffers: Iterable[memoryview]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._objects = objects

    def persistent_load(self, pid: int) -> object:
        return self._objects[pid]


def unpickler_with(memo: dict[int, object], data: bytes, buffers: Iterable[memoryview]) -> pickle.Unpickler:
    """Return an unpickler for `data` that has the entries `0 .. n - 1` of a memo.

    An unpickler's memo cannot be set: what is given as a dict is dropped, and the count of entries is never taken
    over. So a pickle is put in front that fetches the objects one by one and has each of them noted.
    """
    lines = (b"J" + struct.pack("<i", number) + b"Q\x940" for number in range(len(memo)))  # number, fetch, note, drop
    unpickler = _Reminded(memo, b"".join((b"\x80\x05", *lines, b"N.", data)), buffers)
    unpickler.load()
    return unpickler


def _move(stack: list[_Entry], opcode: pickletools.OpcodeInfo, changed: dict[int, int], where: int) -> None:
    """Do to the stack what an opcode does."""
    name = opcode.name
    takes = list(opcode.stack_before)
    taken: list[_Entry] = []
    if pickletools.markobject in takes:
        while (top := stack.pop()) is not _MARK:
            taken.append(top)
        takes = takes[: takes.index(pickletools.markobject)]
    for _ in takes:
        taken.append(stack.pop())
    taken.reverse()
    if name in _CHANGING:
        if taken[0].number is not None:
            changed[taken[0].number] = where
        stack.append(taken[0])
        return
    for kind in opcode.stack_after:
        stack.append(_MARK if kind is pickletools.markobject else _Entry())
    if name in _TUPLES:
        stack[-1].parts = tuple(taken)
    elif name == "REDUCE":
        stack[-1].called, stack[-1].parts = True, taken[1].parts
