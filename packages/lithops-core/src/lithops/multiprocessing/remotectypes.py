"""Shared ctypes objects where there is no shared memory: each access reads or writes the bytes it concerns."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from multiprocessing import sharedctypes
from typing import TYPE_CHECKING, Any

from lithops.multiprocessing.kinds import Description, Kind, all_fields, describe, kind_of

if TYPE_CHECKING:
    from lithops.multiprocessing.shared import Use

_standard: Any = sharedctypes  # typeshed knows some of it only


class Remote:
    """A view of an object of a type of ctypes, in a block of bytes from `offset` on."""

    _use: Use
    _kind: Kind
    _offset: int

    def __init__(self, use: Use, kind: Kind, offset: int = 0) -> None:
        vars(self).update(_use=use, _kind=kind, _offset=offset)

    def __reduce__(self) -> tuple[Callable[..., Remote], tuple[Any, ...]]:
        return _arrive, (self._use, describe(self._kind), self._offset)

    def data(self) -> bytes:
        """Return all bytes."""
        return bytes(self._load(self._kind, 0))

    def _load(self, kind: Kind, offset: int) -> Any:
        use = self._use
        return kind.from_buffer_copy(use.carrier.read(use.key, self._offset + offset, ctypes.sizeof(kind)))

    def _store(self, made: Any, offset: int = 0) -> None:
        self._use.carrier.write(self._use.key, self._offset + offset, bytes(made))

    def _part(self, kind: Kind, offset: int) -> Any:
        """Return what is at a place: the value of a simple type, else a view."""
        if issubclass(kind, ctypes._SimpleCData):
            return self._load(kind, offset).value
        return view(self._use, kind, self._offset + offset)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._kind.__name__}>"


class RemoteValue(Remote):
    """One value of a simple type."""

    @property
    def value(self) -> Any:
        """The value."""
        return self._load(self._kind, 0).value

    @value.setter
    def value(self, value: Any) -> None:
        self._store(self._kind(value))


class RemoteArray(Remote):
    """An array; slices are read and written at once."""

    def __len__(self) -> int:
        return int(self._kind._length_)

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._load(self._kind, 0)[index]
        return self._part(self._kind._type_, self._at(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            kind = self._kind._type_
            self._store(value if isinstance(value, kind) else kind(value), self._at(index))
            return
        whole = self._load(self._kind, 0)
        whole[index] = value
        start, stop, step = index.indices(len(self))
        size = ctypes.sizeof(self._kind._type_)
        if step == 1:  # what lies beside it is not touched
            self._store(bytes(whole)[start * size : stop * size], start * size)
        else:
            self._store(whole)

    @property
    def value(self) -> Any:
        """The text of an array of characters, up to the first that is zero."""
        return self._load(self._kind, 0).value

    @value.setter
    def value(self, value: Any) -> None:
        whole = self._load(self._kind, 0)
        whole.value = value
        self._store(whole)

    @property
    def raw(self) -> bytes:
        """All bytes of an array of characters."""
        return self.data()

    @raw.setter
    def raw(self, value: bytes) -> None:
        whole = self._load(self._kind, 0)
        whole.raw = value
        self._store(whole)

    def _at(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError("invalid index")
        return int(index % len(self)) * ctypes.sizeof(self._kind._type_)


class RemoteStructure(Remote):
    """A structure or union, whose fields are attributes."""

    def __getattr__(self, name: str) -> Any:
        return self._part(self._field(name), getattr(self._kind, name).offset)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            vars(self)[name] = value
            return
        kind = self._field(name)
        self._store(value if isinstance(value, kind) else kind(value), getattr(self._kind, name).offset)

    def _field(self, name: str) -> Kind:
        """Return the type of a field."""
        types = {field: kind for field, kind, *_ in all_fields(self._kind)}
        if name not in types:
            raise AttributeError(f"{self._kind.__name__!r} has no field {name!r}; it has {', '.join(types)}")
        return types[name]


def _arrive(use: Use, description: Description, offset: int) -> Remote:
    return view(use, kind_of(description), offset)


def view(use: Use, kind: Kind, offset: int = 0) -> Remote:
    """Return a view of an object of any type."""
    if issubclass(kind, ctypes.Array):
        return RemoteArray(use, kind, offset)
    if issubclass(kind, ctypes.Structure | ctypes.Union):
        return RemoteStructure(use, kind, offset)
    return RemoteValue(use, kind, offset)


def wrapper(obj: Remote) -> Any:
    """Return the standard library's class of wrappers with a lock for an object of this kind."""
    if isinstance(obj, RemoteValue):
        return _standard.Synchronized
    if isinstance(obj, RemoteArray):
        return _standard.SynchronizedString if obj._kind._type_ is ctypes.c_char else _standard.SynchronizedArray
    fields = {name: _standard.make_property(name) for name, *_ in all_fields(obj._kind)}
    return type(f"Synchronized{obj._kind.__name__}", (_standard.SynchronizedBase,), fields)
