"""Turns the user's function into bytes that a worker can load without the user's files.

What a worker has anyway (the standard library, installed packages, this library) travels by reference, the script and
the user's own modules by value. cloudpickle knows the modules to take by value from a registry of the process; it is
filled for the time of one dump only, and what the user has registered stays.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

import cloudpickle

from lithops.errors import BadCallError
from lithops.jobs.culprit import unpicklable
from lithops.jobs.own_modules import OwnModules
from lithops.jobs.pickler import dump, is_below
from lithops.jobs.signature import function_name as function_name

if TYPE_CHECKING:
    from lithops.types import Payload

Modules = Iterable[str] | None
"""Names of modules; `None` in the place of those to include means: take no module by value."""

# sys.modules and cloudpickle's registry belong to the process, so what is known of them does, too.
_own = OwnModules()
registry_lock = threading.RLock()
"""Held while the registry is filled; reentrant, since pickling may run user code that submits jobs."""


def serialize(
    plan: object, function: object, *, include_modules: Modules = (), exclude_modules: Iterable[str] = ()
) -> Payload:
    """Pickle the plan of a job, which holds the user's function.

    Buffers of 64 KiB and more stay outside as views of the user's memory. Raises `BadCallError` that names the
    function and the variable, default or attribute that cannot be pickled.
    """
    with by_value(include_modules, exclude_modules):
        try:
            return dump(plan)
        except Exception as error:
            raise unpicklable(f"function {function_name(function)!r}", function, error, whole=plan) from error


@contextmanager
def by_value(include_modules: Modules = (), exclude_modules: Iterable[str] = ()) -> Iterator[None]:
    """Let a `UserPickler` take the user's own modules by value inside a `with` block.

    A name stands for the module and what is below it. Excluding `pkg.sub` says that workers have it, hence that they
    have `pkg` too; its other submodules still go by value. Raises `BadCallError` for names that make no sense.
    """
    with registry_lock:
        added: list[ModuleType] = []
        registered = cloudpickle.list_registry_pickle_by_value()
        for name in taken_by_value(include_modules, exclude_modules) - registered:
            module = sys.modules.get(name)
            # A module may stand in sys.modules under another name than its own; nothing in it refers to that one.
            if isinstance(module, ModuleType) and module.__name__ == name:
                cloudpickle.register_pickle_by_value(module)
                added.append(module)
        try:
            yield
        finally:
            still = cloudpickle.list_registry_pickle_by_value()
            for module in added:
                if module.__name__ in still:
                    cloudpickle.unregister_pickle_by_value(module)


def taken_by_value(include_modules: Modules = (), exclude_modules: Iterable[str] = ()) -> frozenset[str]:
    """Return the names under which modules are taken by value; each stands for all that is below it."""
    if include_modules is None:
        return frozenset()
    loaded = _own.loaded()
    included = _names("include_modules", include_modules)
    excluded = _names("exclude_modules", exclude_modules) | loaded.binary
    chosen = loaded.own
    if included:
        for name in included:
            if name not in sys.modules:
                _must_exist(name)
        chosen = chosen.union(name for name in list(sys.modules) if is_below(name, included))
    return _roots(chosen, excluded)


@lru_cache(maxsize=8)
def _roots(chosen: frozenset[str], excluded: frozenset[str]) -> frozenset[str]:
    if excluded:
        chosen = frozenset(
            name
            for name in chosen
            if not is_below(name, excluded) and not any(e.startswith(f"{name}.") for e in excluded)
        )
    return frozenset(name for name in chosen if not is_below(name.rpartition(".")[0], chosen))


def _names(option: str, names: Iterable[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    if isinstance(names, str):
        raise BadCallError(f"{option} must be a list of module names, found {names!r}; write [{names!r}]")
    found = frozenset(names)
    for name in found:
        if not isinstance(name, str):
            raise BadCallError(f"{option} must be a list of module names, found {name!r} in it; give the name as text")
    return found


def _must_exist(name: str) -> None:
    try:
        found = find_spec(name) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        raise BadCallError(
            f"include_modules names {name!r}, which is neither loaded nor found on sys.path; check the spelling"
        )
