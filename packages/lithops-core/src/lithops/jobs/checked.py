"""Values of options, checked: what makes no sense is refused before anything is done with it."""

from __future__ import annotations

import math
import operator
from contextlib import suppress
from typing import Any

from lithops.errors import BadCallError


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least `least`."""
    number = as_whole(value)
    if number is None or number < least:
        raise BadCallError(f"{name} must be a whole number from {least} up, found {value!r}")
    return number


def as_whole(value: Any) -> int | None:
    """Return a whole number as an int, None for anything else; True and False are not meant for numbers."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def seconds(name: str, value: Any) -> float:
    """Return a duration as a float; a number of another kind would come to grief where it is compared with others."""
    number = _number(value)
    if not number > 0:  # not a number is neither
        raise BadCallError(f"{name} must be a number of seconds above 0, found {value!r}")
    return number


def pause(name: str, value: Any) -> float:
    """Return a duration that may be none at all, and that ends."""
    number = _number(value)
    if not 0 <= number < math.inf:
        raise BadCallError(f"{name} must be a number of seconds from 0 up, found {value!r}")
    return number


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            return float(value)
    return -1.0
