"""Calls made as `function(*args, **kwargs)`, each with arguments of its own.

Unlike the items of a map, nothing is bound to the function's parameters, none of which has a meaning of its own, and
no two calls share an argument, whatever they do to it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lithops import errors
from lithops.records import record
from lithops.worker import failure
from lithops.worker.plan import CallPlan
from lithops.worker.refusal import Refusal, cannot_load, refusing

if TYPE_CHECKING:
    from lithops.worker.refusal import Caller

_begun: set[str] = set()
"""Keys of the initializers that were called in this process, to which they belong."""


@record
class Initializer:
    """What each worker calls once before it makes a call."""

    key: str
    function: Callable[..., object]
    args: tuple[object, ...]


class SpreadPlan(CallPlan):
    """An item is bytes: the pickle of `(args, kwargs)`; or a tuple: the two themselves; or the only argument."""

    __slots__ = ("initializer",)

    def __init__(self, function: Callable[..., object], initializer: Initializer | None = None) -> None:
        super().__init__(function)
        self.initializer = initializer

    def caller(self) -> Caller:
        """Call the initializer, if that is still to be done, and return `call(item, index)`."""
        function, load, first = self.function, pickle.loads, self.initializer
        if first is not None and first.key not in _begun:
            try:
                first.function(*first.args)
            except BaseException as error:  # noqa: BLE001 - user code runs here
                message = f"the initializer of the executor failed: {type(error).__name__}: {error}"
                text = failure.capture(error).traceback_text
                return refusing(failure.library_failure(errors.WorkerCrashedError, message, text))
            _begun.add(first.key)

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
        return SpreadPlan, (self.function, self.initializer)


def apply(function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """Call what is not a plain function: its state travels with each call, so that no call sees what another did."""
    return function(*args, **kwargs)
