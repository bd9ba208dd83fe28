"""What all shared objects have in common: a carrier, a key, and that they can be pickled."""

from __future__ import annotations

import weakref
from typing import Any

from lithops.multiprocessing.carrier import Carrier, new_key
from lithops.multiprocessing.reach import process


class Shared:
    """An object whose state is kept by a carrier, so that each process has a view of the same.

    What it keeps is removed with the last view if none ever left the process that made it; else at the end of the
    program. `ctx` is for programs that pass the standard library's or ours; there is one way to make such objects.
    """

    _local: tuple[str, ...] = ()
    """Attributes that are this process's own."""

    def __init__(self, *, ctx: Any = None) -> None:
        self._carrier: Carrier = process.own()
        self._key = new_key()
        self._removal: weakref.finalize[..., Shared] | None
        self._removal = weakref.finalize(self, self._carrier.discard, *self._keys())
        self._removal.atexit = False

    def _keys(self) -> tuple[str, ...]:
        """Return all keys whose state is this object's."""
        return (self._key,)

    def _begin(self) -> None:
        """Set what is this process's own."""

    def __getstate__(self) -> dict[str, Any]:
        if self._removal is not None:
            self._removal.detach()
        left = {"_removal", *self._local}
        return {name: value for name, value in vars(self).items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._removal = None
        self._begin()
