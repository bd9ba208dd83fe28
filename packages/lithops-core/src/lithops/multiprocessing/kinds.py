"""Types of ctypes, described in plain values: arrays have no name to be found by, and structures cannot be pickled."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

Kind = Any
"""A type of ctypes; mypy knows no type for these types."""
Description = tuple[Any, ...]

_BASES = {"structure": ctypes.Structure, "union": ctypes.Union}
_BY_BASE = {base: name for name, base in _BASES.items()}


def describe(kind: Kind) -> Description:
    """Return a description that can be pickled; raises `TypeError` for a type that holds addresses."""
    if issubclass(kind, ctypes.Array):
        return "array", describe(kind._type_), kind._length_
    for base, name in _BY_BASE.items():
        if issubclass(kind, base):
            parts = tuple((field[0], describe(field[1]), *field[2:]) for field in all_fields(kind))
            return name, kind.__name__, parts, getattr(kind, "_pack_", 0)
    if issubclass(kind, ctypes._SimpleCData) and kind not in (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p):
        while kind.__module__ != "ctypes":  # a subclass that only gave it another name
            kind = kind.__base__
        return "simple", kind.__name__
    raise TypeError(f"{kind!r} cannot be shared: it holds an address, which means nothing to another process")


@lru_cache(maxsize=256)
def kind_of(description: Description) -> Kind:
    """Return the type that was described, or one like it."""
    name, *details = description
    if name == "array":
        return kind_of(details[0]) * details[1]
    if name == "simple":
        return getattr(ctypes, details[0])
    title, parts, pack = details
    body: dict[str, Any] = {"_pack_": pack} if pack else {}
    body["_fields_"] = [(field, kind_of(inner), *bits) for field, inner, *bits in parts]
    return type(title, (_BASES[name],), body)


def all_fields(kind: Kind) -> list[tuple[Any, ...]]:
    """Return the fields of a structure with those it inherits."""
    return [field for base in reversed(kind.__mro__) for field in vars(base).get("_fields_", ())]
