"""Single calls on their way into a job: function and arguments as `lithops.worker.spread` takes them."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from lithops.jobs.capture import Modules, by_value
from lithops.jobs.culprit import unpicklable
from lithops.jobs.inputs import encode
from lithops.jobs.pickler import dump
from lithops.jobs.signature import function_name
from lithops.records import record
from lithops.worker import codec
from lithops.worker.spread import Initializer, apply

if TYPE_CHECKING:
    from lithops.errors import BadCallError
    from lithops.types import Block

_BARE = codec.ATOMS - {bytes}
"""A single argument of these types is its own item; bytes are pickles."""


@record
class PackedCalls:
    """Calls that go into one job."""

    function: Callable[..., Any]
    """Their `common_part`."""
    name: str
    """What they are known as."""
    block: Block
    initializer: Initializer | None = None


def common_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a job may have as its function: a plain function itself; anything else travels with each call."""
    return function if type(function) is FunctionType else apply


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
            with contextlib.suppress(Exception):  # a method of an object in C, which is told about below
                return pickle.dumps(whole, 5)

        def explain(error: Exception) -> BadCallError:
            return unpicklable(f"the call of {function_name(function)!r}", whole, error)

        try:
            with by_value(self._include, self._exclude):
                payload = dump(whole)
        except Exception as error:
            raise explain(error) from error
        if not payload.buffers:
            return payload.body
        return self._block(whole, explain)

    def _block(self, whole: object, explain: Callable[[Exception], BadCallError]) -> Block:
        blocks, _ = encode(
            (whole,),
            whole=True,
            check=lambda _items: None,
            explain=lambda _index, _item, error: explain(error),
            capturing=lambda: by_value(self._include, self._exclude),
        )
        return blocks[0]


def _are_atoms(values: Iterable[object]) -> bool:
    return codec.ATOMS.issuperset(map(type, values))
