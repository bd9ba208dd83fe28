"""Conditions, events and barriers."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from lithops.multiprocessing.carrier import new_key
from lithops.multiprocessing.shared import Shared
from lithops.multiprocessing.synchronize import RLock, SemLock

_T = TypeVar("_T")
_ALL = 2**31 - 1


class Condition(Shared):
    """A lock, and a list of who waits to be notified.

    Each that waits has a list of its own, which a notification is put into. Whoever changes either has the lock.
    """

    def __init__(self, lock: SemLock | None = None, *, ctx: Any = None) -> None:
        super().__init__()
        if not isinstance(lock, SemLock | None):
            raise TypeError(f"a condition needs a lock of lithops.multiprocessing, found {lock!r}")
        self._lock = lock if lock is not None else RLock()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Acquire the lock."""
        return self._lock.acquire(block, timeout)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait to be notified, acquire the lock again; False after `timeout` seconds."""
        assert self._lock._is_mine(), "must acquire() condition before using wait()"
        carrier, ticket = self._carrier, new_key()
        carrier.enlist(self._key, ticket)
        depth = self._lock._depth
        for _ in range(depth):
            self._lock.release()
        try:
            carrier.watch(ticket, timeout)
        finally:
            for _ in range(depth):
                self._lock.acquire()
            notified = carrier.leave(self._key, ticket)
        return notified

    def wait_for(self, predicate: Callable[[], _T], timeout: float | None = None) -> _T:
        """Wait until `predicate()` is true, at most `timeout` seconds; return its last value."""
        end = None if timeout is None else time.monotonic() + timeout
        while not (result := predicate()):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
        return result

    def notify(self, n: int = 1) -> None:
        """Wake up to `n` that wait."""
        assert self._lock._is_mine(), "lock is not owned"
        self._carrier.notify(self._key, n)

    def notify_all(self) -> None:
        """Wake all that wait."""
        self.notify(_ALL)

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._lock.__exit__(*error)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._lock}, {self._carrier.size(self._key)})>"


class Event(Shared):
    """A list with a token in it or none."""

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._carrier.size(self._key) > 0

    def set(self) -> None:
        """Set it and wake all that wait."""
        self._carrier.give(self._key, limit=1)

    def clear(self) -> None:
        """Reset it."""
        self._carrier.clear(self._key)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set; False after `timeout` seconds."""
        return self._carrier.watch(self._key, timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} at {id(self):#x} {'set' if self.is_set() else 'unset'}>"


_STATE = struct.Struct("<ii")


class Barrier(threading.Barrier, Shared):
    """The standard library's barrier of threads, with a shared condition and shared state."""

    def __init__(
        self, parties: int, action: Callable[[], Any] | None = None, timeout: float | None = None, *, ctx: Any = None
    ) -> None:
        Shared.__init__(self)
        self._parties, self._action, self._timeout = parties, action, timeout
        self._cond = Condition()
        self._carrier.write(self._key, 0, bytes(_STATE.size))

    def _at(self, index: int) -> int:
        return int(_STATE.unpack(self._carrier.read(self._key, 0, _STATE.size))[index])

    def _put(self, index: int, value: int) -> None:
        self._carrier.write(self._key, 4 * index, value.to_bytes(4, "little", signed=True))

    @property
    def _state(self) -> int:
        return self._at(0)

    @_state.setter
    def _state(self, value: int) -> None:
        self._put(0, value)

    @property
    def _count(self) -> int:
        return self._at(1)

    @_count.setter
    def _count(self, value: int) -> None:
        self._put(1, value)

    def __repr__(self) -> str:
        broken = "broken" if self.broken else f"waiters={self.n_waiting}/{self.parties}"
        return f"<{type(self).__qualname__} at {id(self):#x}: {broken}>"
