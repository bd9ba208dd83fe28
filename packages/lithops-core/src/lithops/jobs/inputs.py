"""The inputs of a job: items pickled in blocks, from which a stream backend takes what it hands out."""

from __future__ import annotations

import io
import pickle
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING

from lithops.errors import BadCallError
from lithops.types import Block, Payload
from lithops.worker import codec

if TYPE_CHECKING:
    from lithops.jobs.places import Places
    from lithops.jobs.shelf import Shelf
    from lithops.remote.payloads import Place

BLOCK_CALLS = 1024
BLOCK_BYTES = 128 * 1024
"""A block is closed when its pickles reach this size: every worker that gets a part of it loads all of it."""
BLOCK_BUFFER_BYTES = 4 << 20
KEPT_BYTES = 32 << 20
"""As much of the inputs of one job is kept in memory for requests, if there is a store for the rest."""
CUT_CALLS = 64
"""As few calls are in a block that will be cut: to cut numbers out of one is to load all of it."""
_NUMBERS = frozenset({int, float, bool, type(None)})

Explain = Callable[[int, object, Exception], BadCallError]
"""Makes the error for an item that cannot be pickled: its index, the item, what pickling it raised."""


Put = Callable[[list[Payload]], "list[Place]"]
"""Puts inputs into a store; returns where each lies."""


class Inputs:
    """A `lithops.types.CallSource` over blocks made beforehand; those of the first calls may lie elsewhere."""

    def __init__(self, function: Payload, blocks: list[Block], shared: tuple[memoryview, ...] = ()) -> None:
        self.function = function
        self.shared = shared
        self._blocks = blocks
        self._firsts = [block.first for block in blocks]

    @property
    def calls(self) -> int:
        """How many calls there are, up to the last of the blocks."""
        return self._blocks[-1].first + self._blocks[-1].count if self._blocks else 0

    def block_of(self, call: int) -> Block:
        """Return the block that holds the input of `call`."""
        if len(self._blocks) == 1:
            return self._blocks[0]
        return self._blocks[bisect_right(self._firsts, call) - 1]


class GrowingInputs:
    """A `lithops.types.CallSource` for calls whose inputs become known one by one."""

    shared: tuple[memoryview, ...] = ()

    def __init__(self, function: Payload) -> None:
        self.function = function
        self._blocks: dict[int, Block] = {}

    def add(self, block: Block) -> None:
        """Add the input of one call."""
        self._blocks[block.first] = block

    def block_of(self, call: int) -> Block:
        """Return the block that holds the input of `call`."""
        return self._blocks[call]


def encode(
    items: Iterable[object],
    *,
    whole: bool,
    check: Callable[[list[object]], None],
    explain: Explain,
    capturing: Callable[[], AbstractContextManager[None]],
    shelf: Shelf | None = None,
) -> tuple[list[Block], tuple[memoryview, ...]]:
    """Pickle items in blocks; return the blocks and the buffers that a worker is to get once.

    These are the buffers that stand in more than one block, and those that belong on the shelf. `whole` says that the
    items exist already, all at once: only then, or with a shelf, can an object met twice be taken for the same (a
    generator may fill one buffer again and again). `check` is given each group of items before it is pickled, and
    `capturing` is entered while it is, but never while the user's iterator runs.
    """
    known: codec.Known | None = shelf.views if shelf is not None else {} if whole else None
    blocks = list(_encoded(items, known, check=check, explain=explain, capturing=capturing, alone=False))
    return blocks, _for_all(blocks, shelf)


def encode_some(
    items: Iterable[object],
    put: Put | None,
    *,
    check: Callable[[list[object]], None],
    explain: Explain,
    capturing: Callable[[], AbstractContextManager[None]],
) -> tuple[list[Block], Places | None]:
    """Pickle items as `encode` does, and hold no more than `KEPT_BYTES` of them: the others are `put` away.

    Blocks can be cut between any two items. Returns the blocks of the last calls, and where the inputs of those before
    them lie. Raises what `put` does.
    """
    held: list[Block] = []
    places: Places | None = None
    held_bytes = 0
    for block in _encoded(items, None, check=check, explain=explain, capturing=capturing, alone=True):
        held.append(block)
        held_bytes += block.payload.nbytes
        if put is not None and held_bytes > KEPT_BYTES:
            if places is None:
                from lithops.jobs.places import Places

                places = Places()
            last = held.pop()  # some are kept, so that the source knows where the job ends
            calls = ((each, each.first + k) for each in held for k in range(each.count))
            payloads = [codec.cut(each, call, 1).payload for each, call in calls]
            if payloads:
                places.extend(held[0].first, put(payloads))
            held, held_bytes = [last], 0
    return held, places


def _encoded(
    items: Iterable[object],
    known: codec.Known | None,
    *,
    check: Callable[[list[object]], None],
    explain: Explain,
    capturing: Callable[[], AbstractContextManager[None]],
    alone: bool,
) -> Iterator[Block]:
    first = 0
    source = iter(items)
    while group := list(islice(source, CUT_CALLS if alone else BLOCK_CALLS)):
        check(group)
        if (_NUMBERS if alone else codec.ATOMS).issuperset(map(type, group)):
            yield Block(first=first, count=len(group), payload=codec.encode_atoms(group))
        else:
            with capturing():
                made = list(_encode_group(group, first, known, explain, alone=alone))
            yield from made
        first += len(group)


def _for_all(blocks: list[Block], shelf: Shelf | None) -> tuple[memoryview, ...]:
    """Return the buffers that stand in more than one block, and those that belong on the shelf."""
    least_bytes = shelf.least_bytes if shelf is not None else sys.maxsize
    seen: dict[int, int] = {}
    for block in blocks:
        for buffer in {id(buffer): buffer for buffer in block.payload.buffers}.values():
            seen[id(buffer)] = seen.get(id(buffer), 0) + 1
    shared = {id(b): b for block in blocks for b in block.payload.buffers if seen[id(b)] > 1 or b.nbytes >= least_bytes}
    return tuple(shared.values())


def _encode_group(
    group: list[object], first: int, known: codec.Known | None, explain: Explain, *, alone: bool
) -> Iterator[Block]:
    start = 0
    encoder = codec.ItemEncoder(_pickler, {} if known is None else known, alone=alone)
    for k, item in enumerate(group):
        try:
            encoder.add(item)
        except Exception as error:
            raise explain(first + k, item, error) from error
        full = encoder.size >= BLOCK_BYTES or encoder.buffer_bytes >= BLOCK_BUFFER_BYTES
        if full or k == len(group) - 1:
            yield Block(first=first + start, count=k + 1 - start, payload=encoder.finish())
            start = k + 1
            encoder = codec.ItemEncoder(_pickler, {} if known is None else known, alone=alone)


def _pickler(file: io.BytesIO, catcher: Callable[[pickle.PickleBuffer], object]) -> pickle.Pickler:
    from lithops.jobs.pickler import UserPickler  # not needed for numbers and text, and its import takes 20 ms

    return UserPickler(file, catcher)
