"""What all shared objects have in common: a carrier, a key, and that they can be pickled."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

from lithops.multiprocessing import journeys
from lithops.multiprocessing.carrier import NOBODY, USE, Carrier, new_key
from lithops.multiprocessing.choice import own

_FOR_EVER = None
_KEPT = ""


class Use:
    """This process's use of what a carrier keeps under a key: the last one of any process removes it.

    As long as it has not left the process that made it there is only one, and the carrier knows nothing of it.
    """

    def __init__(self, carrier: Carrier, key: str) -> None:
        self.carrier, self.key = carrier, key
        self._end: str | None = None  # by what name the carrier knows of this use
        self._for_ever = False
        self._last(carrier.discard, key)

    @classmethod
    def arrived(cls, carrier: Carrier, key: str, ticket: str | None) -> Use:
        """Return the use that came with a pickle; what such uses are pickled as."""
        use = cls.__new__(cls)
        use.carrier, use.key = carrier, key
        use._end, use._for_ever = None, ticket is _FOR_EVER
        if ticket is not _FOR_EVER:
            use._register(instead_of=ticket or None)
        return use

    def __reduce__(self) -> tuple[Callable[..., Use], tuple[Any, ...]]:
        return Use.arrived, (self.carrier, self.key, self._ticket())

    def _ticket(self) -> str | None:
        """Keep what is kept while a pickle is on its way, and return what this takes along to the other end."""
        if self._for_ever:
            return _FOR_EVER
        if self._end is None:
            self._register()
        journey, ticket = journeys.current(), new_key()
        if journey is None:
            self._for_ever = True
            self.carrier.open_end(self.key, USE, ticket, owner=NOBODY)
            return _FOR_EVER
        if journey is journeys.ONCE:
            self.carrier.open_end(self.key, USE, ticket, owner=NOBODY)
            return ticket
        self.carrier.open_end(self.key, USE, ticket)
        journey.when_over(self.carrier.close_end, self.key, USE, ticket)
        return _KEPT

    def _register(self, instead_of: str | None = None) -> None:
        self._end = new_key()
        self.carrier.open_end(self.key, USE, self._end, instead_of=instead_of)
        self._last(self.carrier.close_end, self.key, USE, self._end)

    def _last(self, call: Callable[..., object], *arguments: object) -> None:
        """Have this called when nobody in this process has it any more."""
        self._removal: weakref.finalize[..., Use]
        if self._end is not None and hasattr(self, "_removal"):
            self._removal.detach()
        self._removal = weakref.finalize(self, _unless_forked, os.getpid(), call, *arguments)
        self._removal.atexit = False


def _unless_forked(pid: int, call: Callable[..., object], *arguments: object) -> None:
    if os.getpid() == pid:  # what a forked child has of its parent's is the parent's to remove
        call(*arguments)


class Shared:
    """An object whose state is kept by a carrier, so that each process has a view of the same.

    `ctx` is for programs that pass the standard library's or ours; there is one way to make such objects.
    """

    _local: tuple[str, ...] = ()
    """Attributes that are this process's own."""

    def __init__(self, *, ctx: Any = None) -> None:
        self._use = Use(own(), new_key())
        self._carrier, self._key = self._use.carrier, self._use.key

    def _begin(self) -> None:
        """Set what is this process's own."""

    def __getstate__(self) -> dict[str, Any]:
        left = {"_carrier", "_key", *self._local}
        return {name: value for name, value in vars(self).items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._carrier, self._key = self._use.carrier, self._use.key
        self._begin()
