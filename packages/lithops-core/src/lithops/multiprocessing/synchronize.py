"""Semaphores and locks: lists of tokens."""

from __future__ import annotations

import os
import threading
from multiprocessing import process as processes
from types import TracebackType
from typing import Any

from lithops.multiprocessing.shared import Shared

SEM_VALUE_MAX = 2**31 - 1


def is_count(value: object) -> bool:
    """Tell whether something is a whole number."""
    return isinstance(value, int)


class SemLock(Shared):
    """What semaphores and locks have in common: tokens, of which a process holds those it acquired."""

    _local = ("_depth", "_thread", "_pid")
    _is_owned = False
    """Whether only who has it can release it."""

    def __init__(self, value: int, maximum: int) -> None:
        super().__init__()
        if not is_count(value) or not 0 <= value <= maximum:
            raise ValueError(f"a semaphore begins with 0 to {maximum} units, found {value!r}")
        self._maximum = maximum
        self._begin()
        if value:
            self._carrier.fill(self._key, value)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._depth = 0  # how often this process has acquired it
        self._thread = 0  # the last to do so

    def _see_fork(self) -> None:
        """Have acquired nothing in a child that was forked by who had."""
        if self._pid != os.getpid():
            self._begin()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a unit; wait for one, at most `timeout` seconds, if there is none and `block` is true."""
        if timeout is not None and not isinstance(timeout, int | float):
            raise TypeError(f"a timeout is a number of seconds or None, found {timeout!r}")
        if not self._carrier.borrow(self._key, timeout if block else 0):
            return False
        self._see_fork()
        self._thread = threading.get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        """Give a unit back; any process may. Raises `ValueError` if there are as many as there can be."""
        self._see_fork()
        before = self._depth
        self._depth = max(0, before - 1)  # before another thread can have it, who counts up
        if not self._carrier.give(self._key, held=self._key, owned=self._is_owned, limit=self._maximum):
            self._depth = before
            raise ValueError("semaphore or lock released too many times")

    def get_value(self) -> int:
        """Return how many units can be taken."""
        return self._carrier.size(self._key)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.release()

    def _is_mine(self) -> bool:
        """Whether the calling thread was the last of this process to acquire it, and nobody released it."""
        self._see_fork()
        return self._depth > 0 and self._thread == threading.get_ident()

    def _owner(self) -> tuple[str, object]:
        """Return who has a lock and how often, as its representation tells."""
        if self._is_mine():
            name = processes.current_process().name
            thread = threading.current_thread().name
            return name if thread == "MainThread" else f"{name}|{thread}", self._depth
        if self.get_value():
            return "None", 0
        return "SomeOtherThread" if self._depth > 0 else "SomeOtherProcess", "nonzero"


class Semaphore(SemLock):
    """A number of units."""

    def __init__(self, value: int = 1, *, ctx: Any = None) -> None:
        super().__init__(value, SEM_VALUE_MAX)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(value={self.get_value()})>"


class BoundedSemaphore(SemLock):
    """A number of units that cannot grow."""

    def __init__(self, value: int = 1, *, ctx: Any = None) -> None:
        super().__init__(value, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(value={self.get_value()}, maxvalue={self._maximum})>"


class Lock(SemLock):
    """One unit."""

    def __init__(self, *, ctx: Any = None) -> None:
        super().__init__(1, 1)

    def locked(self) -> bool:
        """Return whether somebody has it."""
        return self.get_value() == 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(owner={self._owner()[0]})>"


class RLock(SemLock):
    """A lock that the thread that has it can acquire again."""

    _is_owned = True

    def __init__(self, *, ctx: Any = None) -> None:
        super().__init__(1, 1)

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it, or count one more if the calling thread has it."""
        if self._is_mine():
            self._depth += 1
            return True
        return super().acquire(block, timeout)

    def release(self) -> None:
        """Count one less, and give it back at zero."""
        if not self._is_mine():
            raise AssertionError("attempt to release recursive lock not owned by thread")
        if self._depth > 1:
            self._depth -= 1
        else:
            super().release()

    def locked(self) -> bool:
        """Return whether somebody has it."""
        return self.get_value() == 0

    def __repr__(self) -> str:
        name, depth = self._owner()
        return f"<{type(self).__name__}({name}, {depth})>"
