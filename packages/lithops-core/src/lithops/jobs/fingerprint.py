"""Tells in a microsecond whether a function would be pickled as it was before.

A `Fingerprint` remembers what cloudpickle takes of a function: its code, defaults, closure, attributes, and the
globals that its code may refer to. It can be taken when all of these are immutable, importable, or functions of the
same kind; then comparing identities is proof. Anything else (a list, an instance, a class of the user's own) could
change inside without a trace, and raises `NotTraceable`.
"""

from __future__ import annotations

import builtins
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from types import (
    BuiltinFunctionType,
    CellType,
    EllipsisType,
    FunctionType,
    GenericAlias,
    ModuleType,
    NoneType,
    UnionType,
)

from lithops.jobs.own_modules import modules_stamp
from lithops.jobs.pickler import all_names

_ATOMS = frozenset({int, float, complex, str, bytes, bool, NoneType, EllipsisType, range})
_MISSING = object()
_NAMESPACE = ("__package__", "__name__", "__path__", "__file__")
"""What cloudpickle takes of every module that a function comes from."""


class NotTraceable(Exception):
    """Something that the function reaches may change without its identity changing."""


class Fingerprint:
    """What a function was made of, without keeping alive any function, class or module."""

    __slots__ = ("_anchors", "_functions", "_stamp")

    def __init__(self, function: FunctionType, by_value: Callable[[str], bool]) -> None:
        """Take the fingerprint; `by_value` tells whether a module of this name is taken by value."""
        tracer = _Tracer(by_value)
        tracer.value(function)
        self._functions = tuple(tracer.functions)
        self._anchors = tuple(tracer.anchors)
        # cloudpickle adds the loaded submodules of a package that the function refers to.
        self._stamp = modules_stamp() if tracer.packages else None

    def holds(self) -> bool:
        """Tell whether the function would still be pickled alike."""
        for reference, parts in self._functions:
            function = reference()
            if function is None or not parts.match(function):
                return False
        for module_name, name, anchor in self._anchors:
            thing = anchor()
            module = sys.modules.get(module_name)
            if thing is None or (module if name is None else getattr(module, name, None)) is not thing:
                return False
        return self._stamp is None or self._stamp == modules_stamp()


class _Parts:
    """The identities of what one function consists of. Atoms are kept, so that their identities stay theirs."""

    __slots__ = ("cells", "code", "defaults", "kept", "labels", "mappings", "names", "values")

    def __init__(self, function: FunctionType, trace: Callable[[object], object]) -> None:
        self.code = function.__code__
        # co_names holds more than the globals (attributes, too); looking at a few more costs less than disassembling.
        self.names = (*_NAMESPACE, *all_names(self.code))
        values = [function.__globals__.get(name, _MISSING) for name in self.names]
        defaults, labels = function.__defaults__ or (), _labels(function)
        contents = [_content(cell) for cell in function.__closure__ or ()]
        self.values, self.defaults, self.cells = _ids(values), _ids(defaults), _ids(contents)
        self.labels = _ids(labels)
        self.mappings = _mappings(function)
        reached = [*values, *defaults, *contents, *labels]
        for mapping in (function.__kwdefaults__, function.__annotations__, function.__dict__):
            reached += mapping.values() if mapping else ()
        # `trace` returns what must be kept, or None for what has a weak reference elsewhere.
        self.kept = tuple(trace(value) for value in reached if value is not _MISSING)

    def match(self, function: FunctionType) -> bool:
        """Tell whether the function still consists of the same."""
        return (
            function.__code__ is self.code
            and tuple(map(id, map(function.__globals__.get, self.names, repeat(_MISSING)))) == self.values
            and _ids(function.__defaults__ or ()) == self.defaults
            and _ids(map(_content, function.__closure__ or ())) == self.cells
            and _ids(_labels(function)) == self.labels
            and _mappings(function) == self.mappings
        )


def _labels(function: FunctionType) -> tuple[object, ...]:
    return function.__name__, function.__qualname__, function.__module__, function.__doc__


def _mappings(function: FunctionType) -> tuple[tuple[tuple[str, ...], tuple[int, ...]] | None, ...]:
    return _mapping(function.__kwdefaults__), _mapping(function.__annotations__), _mapping(function.__dict__)


def _mapping(mapping: Mapping[str, object] | None) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    return (tuple(mapping), _ids(mapping.values())) if mapping else None


class _Tracer:
    """Follows what a function reaches."""

    def __init__(self, by_value: Callable[[str], bool]) -> None:
        self.functions: list[tuple[weakref.ref[FunctionType], _Parts]] = []
        self.anchors: list[tuple[str, str | None, weakref.ref[object]]] = []
        self.packages = False
        self._by_value = by_value
        self._seen: set[int] = set()

    def value(self, value: object) -> object:
        """Follow one value; returns what of it must be kept alive for its identity to mean something."""
        cls = type(value)
        if cls in _ATOMS:
            return value
        if cls is tuple or cls is frozenset:
            self._immutable(value)  # type: ignore[arg-type]  # narrowed by exact type
            return value
        if id(value) in self._seen:
            return None
        if isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, ModuleType):
            self._module(value)
        elif isinstance(value, type):
            return self._class(value)
        elif cls is BuiltinFunctionType and isinstance(value.__self__, ModuleType):  # type: ignore[attr-defined]
            return value
        elif isinstance(value, GenericAlias | UnionType):
            self._immutable((getattr(value, "__origin__", None), *value.__args__))
            return value
        else:
            raise NotTraceable(type(value).__name__)
        return None

    def _immutable(self, elements: Iterable[object]) -> None:
        for element in elements:
            # A tuple is kept, and with it what it holds: a function in it would never be let go.
            if isinstance(element, FunctionType | ModuleType):
                raise NotTraceable("tuple")
            self.value(element)

    def _function(self, function: FunctionType) -> None:
        self._seen.add(id(function))
        if not self._by_reference(function):
            self.functions.append((weakref.ref(function), _Parts(function, self.value)))

    def _module(self, module: ModuleType) -> None:
        self._seen.add(id(module))
        name = module.__name__
        if self._by_value(name) or sys.modules.get(name) is not module:
            raise NotTraceable(f"module {name}")
        self.packages = self.packages or bool(vars(module).get("__package__"))
        self.anchors.append((name, None, weakref.ref(module)))

    def _class(self, cls: type) -> object:
        if cls is NoneType or getattr(builtins, cls.__name__, None) is cls:
            return cls
        self._seen.add(id(cls))
        if not self._by_reference(cls):
            raise NotTraceable(f"class {cls.__qualname__}")
        return None

    def _by_reference(self, thing: FunctionType | type) -> bool:
        """Tell whether cloudpickle takes a function or a class by name, and watch that name if it does."""
        module_name: object = getattr(thing, "__module__", None)
        if module_name == "__main__":
            return False
        if not isinstance(module_name, str):
            raise NotTraceable("function without a module")  # cloudpickle searches all modules for it
        module = sys.modules.get(module_name)
        if module is None or "<locals>" in thing.__qualname__ or self._by_value(module_name):
            return False
        if vars(module).get(thing.__qualname__) is not thing:
            raise NotTraceable(f"name {thing.__qualname__}")
        self.anchors.append((module_name, thing.__qualname__, weakref.ref(thing)))
        return True


def _ids(values: Iterable[object]) -> tuple[int, ...]:
    return tuple(map(id, values))


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return _MISSING
