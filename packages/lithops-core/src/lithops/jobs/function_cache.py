"""Pickles a function once for many jobs, as long as it provably stays the same.

A loop of `call_async(f, x)` submits one job per call. Pickling `f` costs more than all the rest of such a call, and
nearly always gives the same bytes.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterable
from types import FunctionType
from typing import TYPE_CHECKING, TypeVar

import cloudpickle

from lithops.jobs.capture import Modules, registry_lock, serialize, taken_by_value
from lithops.jobs.fingerprint import Fingerprint
from lithops.jobs.pickler import is_below

if TYPE_CHECKING:
    from lithops.types import Payload

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_MAX_FUNCTIONS = 128
_MAX_PLANS = 4
_MAX_BYTES = 128 * 1024


class _Known:
    """A function and its recent pickles; none for a function that cannot be traced."""

    __slots__ = ("pickles", "reference")

    def __init__(self, reference: weakref.ref[FunctionType]) -> None:
        self.reference = reference
        self.pickles: dict[Hashable, tuple[Fingerprint, Payload]] | None = {}


class FunctionCache:
    """Holds recent payloads by function object; keeps no function alive. For use by several threads."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._lock = threading.Lock()

    def find(
        self,
        function: object,
        *,
        key: Hashable,
        include_modules: Modules = (),
        exclude_modules: Iterable[str] = (),
    ) -> Payload | None:
        """Return what `serialize` made of a function under this key, if it is provably what it would make now."""
        known = self._known.get(id(function))
        if known is None or known.pickles is None or known.reference() is not function:
            return None
        found = known.pickles.get((key, _frozen(include_modules), tuple(exclude_modules), _registered()))
        return found[1] if found is not None and found[0].holds() else None

    def serialize(
        self,
        function: object,
        make_plan: Callable[[], object],
        *,
        key: Hashable | None,
        include_modules: Modules = (),
        exclude_modules: Iterable[str] = (),
    ) -> Payload:
        """Return the pickle of `make_plan()`, which holds `function`; an earlier one where that is provably alike.

        `key` stands for all else that the plan is made of: equal keys, equal plans. `None` forbids an earlier one.
        Raises as `lithops.jobs.capture.serialize` does.
        """
        if key is None or type(function) is not FunctionType:
            return serialize(make_plan(), function, include_modules=include_modules, exclude_modules=exclude_modules)
        include, exclude = _frozen(include_modules), tuple(exclude_modules)
        found = self.find(function, key=key, include_modules=include, exclude_modules=exclude)
        if found is not None:
            return found
        known = self._known.get(id(function))
        if known is not None and known.pickles is None and known.reference() is function:
            return serialize(make_plan(), function, include_modules=include, exclude_modules=exclude)
        return self._serialize_new(function, make_plan, key, include, exclude)

    def _serialize_new(
        self,
        function: FunctionType,
        make_plan: Callable[[], object],
        key: Hashable,
        include: tuple[str, ...] | None,
        exclude: tuple[str, ...],
    ) -> Payload:
        with registry_lock:  # so that the registry holds the user's modules only, and stays so
            registered = _registered()
            taken = taken_by_value(include, exclude) | registered
            fingerprint: Fingerprint | None
            try:
                fingerprint = Fingerprint(function, lambda name: is_below(name, taken))
            except Exception:  # noqa: BLE001 - not traceable, or annotations that fail when evaluated: pickling tells
                fingerprint = None
            payload = serialize(make_plan(), function, include_modules=include, exclude_modules=exclude)
            # Taken before and checked after: another thread may have changed something while it was pickled.
            usable = fingerprint is not None and fingerprint.holds() and payload.nbytes <= _MAX_BYTES
        with self._lock:
            known = self._entry(function)
            if not usable or fingerprint is None:
                known.pickles = None
            elif known.pickles is not None:
                known.pickles.pop((key, include, exclude, registered), None)
                _make_room(known.pickles, _MAX_PLANS)
                known.pickles[key, include, exclude, registered] = fingerprint, payload
        return payload

    def _entry(self, function: FunctionType) -> _Known:
        number = id(function)
        known = self._known.get(number)
        if known is None or known.reference() is not function:
            entries = self._known

            def forget(gone: weakref.ref[FunctionType]) -> None:
                # Runs wherever the function dies, even inside the lock; so it takes none.
                if (entry := entries.get(number)) is not None and entry.reference is gone:
                    entries.pop(number, None)

            known = _Known(weakref.ref(function, forget))
            _make_room(entries, _MAX_FUNCTIONS)
            entries[number] = known
        return known


def _frozen(names: Modules) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _registered() -> frozenset[str]:
    return frozenset(cloudpickle.list_registry_pickle_by_value())


def _make_room(entries: dict[_Key, _Value], most: int) -> None:
    for oldest in list(entries)[: max(0, len(entries) - most + 1)]:
        entries.pop(oldest, None)
