"""How a job's function is applied to an item."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class CallPlan:
    """The function of a job and everything that is the same for all of its calls; pickled once, sent to a worker once.

    An item that is a tuple fills positional parameters, a dict fills parameters by name, anything else is the single
    argument. `extra_args` is appended to the one (a tuple) or merged into the other (a dict).
    """

    __slots__ = ("env", "extra_args", "function", "placement", "storage")

    def __init__(
        self,
        function: Callable[..., object],
        *,
        extra_args: tuple[object, ...] | Mapping[str, object] | None = None,
        placement: tuple[tuple[str, int], ...] = (),
        env: Mapping[str, str] | None = None,
        storage: object = None,
    ) -> None:
        self.function = function
        self.extra_args = extra_args
        self.placement = placement  # which of `id` and `storage` are filled in here, and at which position
        self.env = dict(env or {})
        self.storage = storage

    def caller(self) -> Callable[[object, int], object]:
        """Return `call(item, index)`, with all that can be decided beforehand decided."""
        function, placement, storage = self.function, self.placement, self.storage
        if not self.extra_args and not placement:

            def plain(item: object, _index: int) -> object:
                if isinstance(item, tuple):
                    return function(*item)
                if isinstance(item, dict):
                    return function(**item)
                return function(item)

            return plain

        positional = self.extra_args if isinstance(self.extra_args, tuple) else ()
        named = dict(self.extra_args) if isinstance(self.extra_args, Mapping) else {}

        def full(item: object, index: int) -> object:
            keywords = dict(named)
            arguments: list[object] = []
            if isinstance(item, dict):
                keywords.update(item)
            else:
                arguments = [*item] if isinstance(item, tuple) else [item]
                arguments += positional
            for name, place in placement:
                value = index if name == "id" else storage
                if 0 <= place <= len(arguments) and not isinstance(item, dict):
                    arguments.insert(place, value)
                else:
                    keywords[name] = value
            return function(*arguments, **keywords)

        return full

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.function, self.extra_args, self.placement, self.env, self.storage)


def _rebuild(
    function: Callable[..., object],
    extra_args: tuple[object, ...] | Mapping[str, object] | None,
    placement: tuple[tuple[str, int], ...],
    env: Mapping[str, str],
    storage: object,
) -> CallPlan:
    return CallPlan(function, extra_args=extra_args, placement=placement, env=env, storage=storage)
