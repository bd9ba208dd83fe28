"""Calls made as `function(*args, **kwargs)`, each with arguments of its own.

Unlike the items of a map, nothing is bound to the function's parameters, none of which has a meaning of its own, and
no two calls share an argument, whatever they do to it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lithops.worker.plan import CallPlan
from lithops.worker.refusal import Refusal, cannot_load

if TYPE_CHECKING:
    from lithops.worker.refusal import Caller


class SpreadPlan(CallPlan):
    """An item is bytes: the pickle of `(args, kwargs)`; or a tuple: the two themselves; or the only argument."""

    __slots__ = ()

    def caller(self) -> Caller:
        """Return `call(item, index)`."""
        function, load = self.function, pickle.loads

        def call(item: object, _index: int) -> object:
            if type(item) is bytes:
                try:
                    item = load(item)
                except MemoryError:
                    raise
                except BaseException as error:  # noqa: BLE001 - user code runs here
                    raise Refusal(cannot_load("the arguments", error)) from None
            if type(item) is not tuple:
                return function(item)
            args, kwargs = item
            return function(*args, **kwargs)

        return call

    def __reduce__(self) -> tuple[object, ...]:
        return SpreadPlan, (self.function,)


def apply(function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """Call what is not a plain function: its state travels with each call, so that no call sees what another did."""
    return function(*args, **kwargs)
