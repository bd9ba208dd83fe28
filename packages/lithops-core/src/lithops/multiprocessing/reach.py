"""This process's carriers: one to each place that state is kept, and the one that new objects go to.

State of the process by its nature, as the standard library's is: its functions take no carrier.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithops.multiprocessing.carrier import Carrier


class Reach:
    """The carriers of one process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._known: dict[Hashable, Carrier] = {}
        self._own: Carrier | None = None

    def to(self, kind: Callable[[Any], Carrier], address: Hashable) -> Carrier:
        """Return the carrier to an address."""
        with self._lock:
            carrier = self._known.get(address)
            if carrier is None:
                carrier = self._known[address] = kind(address)
            return carrier

    def own(self, begin: Callable[[], Carrier]) -> Carrier:
        """Return the carrier that new objects go to; in a worker, where what it was given is kept."""
        with self._lock:
            if self._own is None:
                self._own = next(iter(self._known.values()), None) or begin()
            return self._own

    def adopt(self, carrier: Carrier) -> None:
        """Have new objects go where those of the parent process do."""
        with self._lock:
            self._own = carrier

    def settle(self) -> None:
        """Say everywhere that this process ends as it should."""
        with self._lock:
            for carrier in self._known.values():
                carrier.settle()


process = Reach()


def reach(kind: Callable[[Any], Carrier], address: Hashable) -> Carrier:
    """Return this process's carrier to an address; what carriers are pickled as."""
    return process.to(kind, address)
