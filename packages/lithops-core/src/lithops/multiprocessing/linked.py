"""What carriers have in common: one name per process, and a connection for each thread that uses it at a time."""

from __future__ import annotations

import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from typing import Any, Generic, Protocol, TypeVar

from lithops.errors import CarrierError
from lithops.multiprocessing.carrier import Carrier, new_key
from lithops.multiprocessing.reach import reach

LAST = -1000
"""Priority at exit: after everything that may still need a queue."""


class _Link(Protocol):
    @property
    def closed(self) -> bool: ...

    def close(self) -> None: ...


Address = TypeVar("Address", bound=Hashable)
Link = TypeVar("Link", bound=_Link)


class Linked(Carrier, Generic[Address, Link]):
    """A carrier at an address. After a fork, the child is somebody else there."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._begin()
        this = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _leave_to_parent(this()))

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._name = new_key()
        self._lock = threading.RLock()  # whoever had the old one may not exist in this process
        self._free: list[Link] = []

    def close_end(self, key: str, side: str, end: str) -> None:
        if self._was_used():
            with suppress(CarrierError):
                self._do("close_end", key, side, end)

    def discard(self, key: str) -> None:
        if self._was_used():
            with suppress(CarrierError):
                self._do("discard", key)

    def close(self) -> None:
        links, self._free = self._free, []
        for link in links:
            link.close()

    def __reduce__(self) -> tuple[Callable[..., Carrier], tuple[object, ...]]:
        return reach, (type(self), self.address)

    # --- inside

    @property
    @abstractmethod
    def _is_there(self) -> bool:
        """Whether this process is known at the address."""

    @abstractmethod
    def _appear(self) -> None:
        """Make this process known there."""

    @abstractmethod
    def _open(self) -> Link:
        """Return a new connection."""

    def _leave_to_parent(self) -> None:
        """Close, in a forked child, its copies of what is its parent's."""
        self.close()

    def _was_used(self) -> bool:
        """Whether there is something of this process's own, not only of one that it was forked from."""
        return self._of_this_process() and self._is_there

    def _of_this_process(self) -> bool:
        return os.getpid() == self._pid

    def _present(self) -> str:
        """Return the name of this process, once it is known there."""
        if not self._of_this_process():
            self._begin()
            Finalize(None, self.close, exitpriority=LAST)
        with self._lock:
            if not self._is_there:
                self._appear()
            return self._name

    @contextmanager
    def _link(self) -> Iterator[Link]:
        """Lend a connection that nobody else uses meanwhile."""
        link = None
        if self._of_this_process():
            with suppress(IndexError):
                link = self._free.pop()
        if link is None:
            self._present()
            link = self._open()
        yield link
        if not link.closed:
            self._free.append(link)


def _leave_to_parent(carrier: Linked[Any, Any] | None) -> None:
    if carrier is not None:
        carrier._leave_to_parent()


def no_waiting(timeout: float | None) -> float | None:
    """Return a timeout with what is below zero as no waiting at all."""
    return None if timeout is None else max(0.0, timeout)
