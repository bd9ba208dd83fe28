"""How records are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Class = TypeVar("_Class", bound=type)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(cls: _Class) -> _Class:
    """Make a class a frozen, keyword-only record.

    That it is frozen is for type checkers to hold: enforced at run time it would double the cost of making one, and a
    call that does nothing makes eight.
    """
    made: _Class = dataclass(kw_only=True, slots=True, unsafe_hash=True)(cls)  # type: ignore[assignment]  # the same
    return made
