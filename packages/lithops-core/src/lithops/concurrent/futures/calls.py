"""A call that was submitted, and the batches of them that become jobs."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from lithops.jobs.packing import PackedCalls
from lithops.jobs.signature import function_name
from lithops.types import Block
from lithops.worker import codec
from lithops.worker.spread import apply

if TYPE_CHECKING:
    from lithops.concurrent.futures.future import Future
    from lithops.worker.spread import Initializer

MOST_CALLS = 1024
MOST_BYTES = 128 * 1024
"""Largest job, as each worker that gets a part of it takes in all of it."""
_SIZED = (bytes, str)

Futures = list["Future[Any] | None"]
"""The futures of a job's calls; of those that have ended, nothing is kept."""


class Call(NamedTuple):
    """What a user has submitted."""

    future: Future[Any]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    kind: Callable[..., Any] | str
    """What calls of one job have in common: a plain function, or the name of something else."""


def call_of(future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """Describe a call."""
    kind = function if type(function) is FunctionType else function_name(function)
    return Call(future, function, args, kwargs, kind)


class Batch:
    """Calls of one kind on their way into a job."""

    __slots__ = ("_block", "_items", "_size", "futures", "kind")

    def __init__(self) -> None:
        self.futures: Futures = []
        self.kind: Callable[..., Any] | str | None = None
        self._items: list[object] = []
        self._block: Block | None = None
        self._size = 0

    def has_room(self, calls: int) -> bool:
        """Whether it takes another call, if it is to have no more than so many."""
        return len(self.futures) < min(calls, MOST_CALLS) and self._size < MOST_BYTES and self._block is None

    def add(self, call: Call, item: object) -> bool:
        """Add a call, packed as `item`; return False if it needs a job of its own, which this is no more."""
        if isinstance(item, Block):
            if self.futures:
                return False
            self._block = item
        elif type(item) in _SIZED:
            self._size += len(item)  # type: ignore[arg-type]  # it has a length
        self._items.append(item)
        self.futures.append(call.future)
        self.kind = call.kind
        return True

    def packed(self, initializer: Initializer | None) -> PackedCalls:
        """Return the calls as a job takes them."""
        kind, count = self.kind, len(self._items)
        assert kind is not None, "it is not empty"
        block = self._block or Block(first=0, count=count, payload=codec.encode_atoms(self._items))
        if isinstance(kind, str):
            return PackedCalls(function=apply, name=kind, block=block, initializer=initializer)
        return PackedCalls(function=kind, name=function_name(kind), block=block, initializer=initializer)
