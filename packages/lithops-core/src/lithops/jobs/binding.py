"""Holds what the user submits against what the function accepts, before anything is sent.

An item that is a tuple gives positional arguments, a dict gives keyword arguments, anything else is the single
argument. `extra_args` are added to each item: a tuple behind, a dict as keywords that a dict item may override.

The parameters called `id` and `storage` are no places for positional arguments: the worker fills them, wherever they
stand, unless an item does so itself (by keyword, or by more positional arguments than there are other places).
"""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView

from lithops.errors import BadCallError
from lithops.jobs.signature import RESERVED, function_name, parameters_of

_RULE = "a tuple gives positional arguments, a dict keyword arguments, anything else is the single argument"
_BOTH = frozenset(RESERVED)


class Binder:
    """Checks the items of one job against its function."""

    __slots__ = ("_checked", "_extra", "_filled", "_name", "_parameters", "_unfilled")

    def __init__(self, function: object, extra_args: object = None) -> None:
        """Look at the function. Raises `BadCallError` if it cannot be called, or if `extra_args` make no sense."""
        if not callable(function):
            raise BadCallError(
                f"cannot call {reprlib.repr(function)} of type {type(function).__name__!r}; "
                "pass the function itself, not its name or its result"
            )
        if extra_args is not None and not isinstance(extra_args, tuple | dict):
            raise BadCallError(
                f"extra_args must be a tuple or a dict, found {reprlib.repr(extra_args)} of type "
                f"{type(extra_args).__name__!r}; write ({reprlib.repr(extra_args)},) for one more argument"
            )
        self._name = function_name(function)
        self._parameters = parameters = parameters_of(function)
        self._extra: tuple[object, ...] | dict[str, object] = extra_args or ()
        self._unfilled = frozenset[str]()
        if not _BOTH.isdisjoint(parameters.positional) or not _BOTH.isdisjoint(parameters.keyword_only):
            by_name = (*parameters.positional[parameters.positional_only :], *parameters.keyword_only)
            self._unfilled = _BOTH.intersection(by_name) - parameters.preset
        self._checked = 0
        self._filled: tuple[frozenset[str], int | None] | None = None

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of all parameters that can be given by name."""
        parameters = self._parameters
        return (*parameters.positional[parameters.positional_only :], *parameters.keyword_only)

    @property
    def reserved(self) -> frozenset[str]:
        """The names among `id` and `storage` that the worker fills; known once an item was checked."""
        return self._unfilled - self._filled[0] if self._filled else self._unfilled

    @property
    def placement(self) -> tuple[tuple[str, int], ...]:
        """The `reserved` names in the order of their places among positional arguments; -1: by keyword only.

        A worker inserts each at its place if there are that many arguments before it, else gives it by keyword.
        """
        if not (reserved := self.reserved):
            return ()
        places = self._parameters.inside or self._parameters.positional
        return tuple(sorted(((n, places.index(n) if n in places else -1) for n in reserved), key=lambda p: p[1]))

    def check(self, item: object, index: int | None = None) -> None:
        """Check one item; `index` is its place in the job. Raises `BadCallError` that names the parameter."""
        extra = self._extra
        keywords: Iterable[object] = extra if isinstance(extra, dict) else ()
        count = 0 if isinstance(extra, dict) else len(extra)
        if isinstance(item, dict):
            if count:
                raise self._bad(item, index, "extra_args are a tuple but the item is a dict; give both as dicts")
            keywords = {**item, **dict.fromkeys(keywords)}
        else:
            count += len(item) if isinstance(item, tuple) else 1
        filled = self._bind(count, keywords, item, index)
        if self._filled is None:
            self._filled = filled, index
        elif self._filled[0] != filled:
            name = min(self._filled[0] ^ filled)
            fills, leaves = (index, self._filled[1]) if name in filled else (self._filled[1], index)
            raise self._bad(
                item, index, f"item {fills} gives {name!r} and item {leaves} leaves it to be filled; do the same in all"
            )

    def check_all(self, items: list[object]) -> None:
        """Check the next items of a job, one of each shape. Raises `BadCallError` for the first that does not fit.

        Items are counted on from one group to the next.
        """
        if not items:
            return
        base, self._checked = self._checked, self._checked + len(items)
        types = set(map(type, items))
        if not any(issubclass(cls, tuple | dict) for cls in types):
            self.check(items[0], base)
            return
        shapes: dict[object, int] = {}
        if types == {tuple} and len(set(map(len, items))) == 1:  # type: ignore[arg-type]  # all are tuples
            shapes[0] = 0
        else:
            for index, item in enumerate(items):
                shapes.setdefault(_shape(item), index)
        for index in shapes.values():
            self.check(items[index], base + index)

    def _bind(self, count: int, keywords: Iterable[object], item: object, index: int | None) -> frozenset[str]:
        """Return the reserved names that `count` positional arguments and the keywords fill."""
        parameters = self._parameters
        places = parameters.positional
        unfilled = self._unfilled
        if unfilled:
            free = tuple(name for name in places if name not in unfilled)
            # More arguments than free places: the caller means all places, reserved or not.
            given = set(free[:count] if count <= len(free) or parameters.more_positional else places[:count])
        else:
            given = set(places[:count])
        if count > len(places) and not parameters.more_positional:
            most = f"at most {len(places)} positional" if places else "no positional"
            raise self._bad(item, index, f"{count} positional arguments are too many: it takes {most}")
        if keywords:
            self._bind_keywords(keywords, given, item, index)
        for name in places:
            if name not in given and name not in parameters.optional and name not in unfilled:
                raise self._bad(item, index, f"the argument {name!r} is missing")
        for name in parameters.keyword_only:
            if name not in given and name not in parameters.optional and name not in unfilled:
                raise self._bad(item, index, f"the keyword argument {name!r} is missing")
        return unfilled & given if unfilled else unfilled

    def _bind_keywords(self, keywords: Iterable[object], given: set[str], item: object, index: int | None) -> None:
        parameters = self._parameters
        named = {*parameters.positional[parameters.positional_only :], *parameters.keyword_only}
        for name in keywords:
            if not isinstance(name, str):
                raise self._bad(item, index, f"the key {name!r} is no name of a parameter; keys must be text")
            if name in named:
                if name in given:
                    raise self._bad(item, index, f"the argument {name!r} is given by position and by keyword")
                given.add(name)
            elif not parameters.more_keywords:
                from difflib import get_close_matches

                near = get_close_matches(name, sorted(named), 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise self._bad(item, index, f"it has no parameter {name!r} to be given by keyword{hint}")

    def _bad(self, item: object, index: int | None, why: str) -> BadCallError:
        which = "" if index is None else f"item {index}, "
        return BadCallError(
            f"cannot call {self._name}{self._parameters} with {which}{reprlib.repr(item)}: {why} ({_RULE})"
        )


def _shape(item: object) -> object:
    if isinstance(item, tuple):
        return len(item)
    return frozenset(item) if isinstance(item, dict) else None


def as_items(iterdata: object) -> tuple[Iterator[object], int | None]:
    """Return an iterator over what `map` was given, and the number of items where it is known.

    Lists, ranges, sets, deques, views of dicts and iterators (generators, too, taken from as they are read) hold the
    items; anything else, such as a str, a dict, a tuple or an array, is one item.
    """
    if isinstance(iterdata, list | range | set | frozenset | deque | KeysView | ValuesView | ItemsView):
        return iter(iterdata), len(iterdata)
    if hasattr(type(iterdata), "__next__") and isinstance(iterdata, Iterator):
        return iterdata, None
    return iter((iterdata,)), 1
