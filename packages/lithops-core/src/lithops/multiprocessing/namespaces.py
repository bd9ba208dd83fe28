"""Functions that were pickled one by one and yet share their global variables where they arrive.

A pool's initializer sets a global variable that its tasks read: all of them are functions of one module for the user.
Each travels by value in a pickle of its own, so the module's variables are found by name in the worker, and what is
there already is not overwritten.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from types import FunctionType
from typing import Any

from lithops.jobs.pickler import UserPickler
from lithops.multiprocessing.items import own_by_value

_spaces: dict[tuple[str, str], dict[str, Any]] = {}  # of this worker: variables of modules that came by value, by pool


class _Named(dict[str, Any]):
    """Stands for the variables of a module while a function of it is pickled."""

    def __init__(self, space: str, module: str) -> None:
        super().__init__()
        self._where = space, module

    def __reduce__(self) -> tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]:
        return _variables, (self._where, dict(self))


class _SharingPickler(UserPickler):
    def __init__(self, file: io.BytesIO, space: str) -> None:
        super().__init__(file)
        self._space = space

    def reducer_override(self, obj: Any, /) -> Any:
        """Have functions refer to the variables of their module by name."""
        if not isinstance(obj, FunctionType):
            return super().reducer_override(obj)
        self.globals_ref.setdefault(id(obj.__globals__), _Named(self._space, obj.__module__ or ""))
        reduced = super().reducer_override(obj)
        if isinstance(reduced, tuple) and len(reduced) == 6:
            return *reduced[:5], _Setter(reduced[5])
        return reduced


class _Setter:
    """Completes a function, but for variables that its module has already."""

    def __init__(self, complete: Callable[[Any, Any], object]) -> None:
        self._complete = complete

    def __call__(self, function: FunctionType, state: tuple[Any, dict[str, Any]]) -> None:
        attributes, slots = state
        there = function.__globals__
        found = slots.get("__globals__", {})
        slots["__globals__"] = {name: value for name, value in found.items() if name not in there}
        self._complete(function, (attributes, slots))


def dumps(value: object, space: str) -> bytes:
    """Pickle a value for workers that keep variables of modules under the name `space`."""
    file = io.BytesIO()
    with own_by_value():
        _SharingPickler(file, space).dump(value)
    return file.getvalue()


def _variables(where: tuple[str, str], beginning: dict[str, Any]) -> dict[str, Any]:
    return _spaces.setdefault(where, beginning)
