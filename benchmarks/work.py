"""The functions that all peers run: an ordinary user's module."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG_S = 0.5
SHORT_S = 0.0001
BURN_S = 0.024


def same(item: int) -> int:
    """Return the item."""
    return item


def long_or_short(is_long: bool) -> bool:
    """Keep a core busy for 500 ms or for 0.1 ms."""
    end = time.perf_counter() + (LONG_S if is_long else SHORT_S)
    while time.perf_counter() < end:
        pass
    return is_long


def burn(item: int) -> int:
    """Use 24 ms of CPU time, however long that takes."""
    end = time.process_time() + BURN_S
    while time.process_time() < end:
        pass
    return item


def doubled(array: NDArray[Any]) -> NDArray[Any]:
    """Return a new array with each element doubled."""
    return array * 2.0


def double_in_place(array: NDArray[Any]) -> NDArray[Any]:
    """Double each element of the array that was handed in, and return it."""
    array *= 2.0
    return array


def element(array: NDArray[Any], index: int) -> float:
    """Return one element of a large array."""
    return float(array[index])
