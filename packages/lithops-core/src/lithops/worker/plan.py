"""How a job's function is applied to an item."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class CallPlan:
    """The function of a job and everything that is the same for all of its calls; pickled once, sent to a worker once.

    An item that is a tuple fills positional parameters, a dict fills parameters by name, anything else is the single
    argument. `extra_args` is appended to the one (a tuple) or merged into the other (a dict).
    """

    __slots__ = ("env", "extra_args", "function", "reserved", "storage")

    def __init__(
        self,
        function: Callable[..., object],
        *,
        extra_args: tuple[object, ...] | Mapping[str, object] | None = None,
        reserved: frozenset[str] = frozenset(),
        env: Mapping[str, str] | None = None,
        storage: object = None,
    ) -> None:
        self.function = function
        self.extra_args = extra_args
        self.reserved = reserved  # of {"id", "storage"}: parameters that are filled in here
        self.env = dict(env or {})
        self.storage = storage

    def caller(self) -> Callable[[object, int], object]:
        """Return `call(item, index)`, with all that can be decided beforehand decided."""
        function = self.function
        if not self.extra_args and not self.reserved:

            def plain(item: object, _index: int) -> object:
                if isinstance(item, tuple):
                    return function(*item)
                if isinstance(item, dict):
                    return function(**item)
                return function(item)

            return plain

        positional = self.extra_args if isinstance(self.extra_args, tuple) else ()
        named = dict(self.extra_args) if isinstance(self.extra_args, Mapping) else {}
        if "storage" in self.reserved:
            named["storage"] = self.storage
        with_id = "id" in self.reserved

        def full(item: object, index: int) -> object:
            keywords = {**named, "id": index} if with_id else named
            if isinstance(item, tuple):
                return function(*item, *positional, **keywords)
            if isinstance(item, dict):
                return function(**{**keywords, **item})
            return function(item, *positional, **keywords)

        return full

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.function, self.extra_args, self.reserved, self.env, self.storage)


def _rebuild(
    function: Callable[..., object],
    extra_args: tuple[object, ...] | Mapping[str, object] | None,
    reserved: frozenset[str],
    env: Mapping[str, str],
    storage: object,
) -> CallPlan:
    return CallPlan(function, extra_args=extra_args, reserved=reserved, env=env, storage=storage)
