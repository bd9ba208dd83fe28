"""Single calls on their way into a job: function and arguments as `lithops.worker.spread` takes them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from lithops.jobs.capture import Modules, by_value
from lithops.jobs.culprit import first_unpicklable, unpicklable
from lithops.jobs.pickler import UserPickler, dump
from lithops.jobs.signature import function_name
from lithops.records import record
from lithops.types import Block
from lithops.worker import codec
from lithops.worker.spread import SpreadPlan

if TYPE_CHECKING:
    from lithops.errors import BadCallError
    from lithops.worker.spread import Initializer

_BARE = codec.ATOMS - {bytes}
"""A single argument of these types is its own item; bytes are pickles."""


@record
class PackedCalls:
    """Calls that go into one job."""

    function: Callable[..., Any]
    """Theirs if it is a plain one; anything else travels with each call, to `apply`."""
    name: str
    """What they are known as."""
    block: Block
    initializer: Initializer | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What is said of their plan besides the function."""
        return __name__, self.initializer.key if self.initializer is not None else ""

    def plan(self) -> SpreadPlan:
        """Return what is sent to each worker once."""
        return SpreadPlan(self.function, self.initializer)


class Packer:
    """Packs calls one by one, so that no two of them share anything. Numbers and text cost next to nothing."""

    def __init__(self, include_modules: Modules, exclude_modules: Iterable[str]) -> None:
        self._include = include_modules
        self._exclude = tuple(exclude_modules)

    def pack(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Return the item of a call; a block of its own where it holds large buffers, which stay where they are.

        Raises `BadCallError` that says which part cannot be pickled.
        """
        plain = type(function) is FunctionType
        if plain and len(args) == 1 and not kwargs and type(args[0]) in _BARE:
            return args[0]
        whole = (args, kwargs) if plain else ((function, args, kwargs), {})
        if (plain or type(function) is BuiltinFunctionType) and _are_atoms(args) and _are_atoms(kwargs.values()):
            with suppress(Exception):  # a method of an object in C, which is told about below
                return pickle.dumps(whole, 5)
        with by_value(self._include, self._exclude):
            try:
                payload = dump(whole)
                return payload.body if not payload.buffers else _alone(whole)
            except Exception as error:
                raise explained(function, args, kwargs, error) from error


def _alone(item: object) -> Block:
    """Encode an item with its buffers left where they are."""
    encoder = codec.ItemEncoder(UserPickler, {})
    encoder.add(item)
    return Block(first=0, count=1, payload=encoder.finish())


def explained(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception
) -> BadCallError:
    """Return the error that tells which part of a call cannot be pickled."""
    call = f"the call of {function_name(function)!r}"
    parts = [(f"argument {place!r} in {call}", part) for place, part in (*enumerate(args), *kwargs.items())]
    if type(function) is not FunctionType:
        parts.insert(0, (f"what is called in {call}", function))
    return first_unpicklable(parts, error) or unpicklable(call, (function, args, kwargs), error)


def _are_atoms(values: Iterable[object]) -> bool:
    return codec.ATOMS.issuperset(map(type, values))
