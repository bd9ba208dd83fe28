"""Where the state of locks, queues and pipes is kept, and the few atomic steps that all of them are made of.

A carrier holds *lists* of byte strings by key. A queue is a list of pickled items, a semaphore a list of empty tokens,
an event a list that is empty or not. An item that was taken is *held* by the process that took it until that says what
becomes of it; what a process held when it was killed goes back to the front of its list. Lists know who has *ends* of
them: who can read and who can write the inside of a pipe, who uses an object. Beside lists there are blocks of bytes,
for shared values.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

NOTHING = b""
"""What is in a list whose items only count."""
READ, WRITE = "r", "w"
"""The two sides of a list that is the inside of a pipe."""
USE = "u"
"""The side of everything else; what nobody has an end of any more is removed."""
ME, NOBODY = "-", ""
"""Owner of an end: this process; none, so that no death closes it."""
PARTS = ("", ":room", ":unfinished")
"""The state of one object is under its key and under that with one of these behind it."""
END = b"\0end"
"""Stands in a pipe behind the last message once nobody can write to it any more."""


class Watch(Protocol):
    """A descriptor that becomes readable when a list has an item; for waiting for several at once."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def close(self) -> None:
        """Stop watching; idempotent."""


class Carrier(ABC):
    """One process's way to shared state. Thread-safe; picklable, and then the receiver's own way to the same state.

    Timeouts are seconds, None waits for ever, 0 does not wait. Every method raises `CarrierError` if what keeps the
    state cannot be reached, has ended or has lost it.
    """

    # --- lists

    def fill(self, key: str, tokens: int) -> None:
        """Append so many tokens to a list."""
        self._do("fill", key, tokens)

    @abstractmethod
    def take(self, key: str, timeout: float | None, *, refill: str | None = None) -> bytes | None:
        """Remove and return the first item, None after `timeout`; add a token to the list `refill` in its place.

        If this process is killed before it has the item, the item stays. `END` stays anyway.
        """

    @abstractmethod
    def borrow(self, key: str, timeout: float | None) -> bool:
        """Remove the first item and hold it until it is given back; False after `timeout`."""

    def give(
        self,
        key: str,
        item: bytes = NOTHING,
        *,
        limit: int | None = None,
        held: str | None = None,
        owned: bool = False,
        tally: str | None = None,
        heard: bool = False,
    ) -> bool:
        """Append an item to a list; False, with nothing done, if that has `limit` items already.

        `held` names a list an item of which is held, and is no more: by this process; else, unless `owned`, by any.
        `tally` names a count that goes up by one. Raises `BrokenPipeError` if the list is the inside of a pipe that
        nobody can read; with `heard` also if it is none at all.
        """
        given = self._do("give", key, item, limit, held, owned, tally, heard)
        if given is None:
            raise BrokenPipeError("nobody reads the other end any more")
        return bool(given)

    def count(self, tally: str, by: int) -> bool:
        """Change a count; False, with nothing done, if that would make it negative.

        The list of the same name has a token while the count is zero.
        """
        return bool(self._do("count", tally, by))

    @abstractmethod
    def watch(self, key: str, timeout: float | None) -> bool:
        """Wait until a list has an item, which stays in it."""

    @abstractmethod
    def watcher(self, key: str) -> Watch:
        """Begin to watch a list."""

    def size(self, key: str) -> int:
        """Return how many items a list has."""
        return int(self._do("size", key))

    def clear(self, key: str) -> None:
        """Remove all items."""
        self._do("clear", key)

    # --- standing in line

    def enlist(self, line: str, place: str) -> None:
        """Stand in line to be notified: that puts a token into the list `place`.

        A process that dies leaves the line; if it was notified and had not left, the next one is.
        """
        self._do("enlist", line, place)

    def notify(self, line: str, most: int) -> None:
        """Notify the first ones in line, at most so many."""
        self._do("notify", line, most)

    def leave(self, line: str, place: str) -> bool:
        """Stand in line no more; return whether that was notified."""
        return bool(self._do("leave", line, place))

    # --- blocks

    @abstractmethod
    def read(self, key: str, start: int, size: int) -> bytes:
        """Return bytes of a block."""

    @abstractmethod
    def write(self, key: str, start: int, data: bytes) -> None:
        """Change bytes of a block, which grows as needed, with zeros."""

    def map(self, key: str, size: int) -> memoryview | None:
        """Return a block as memory that all processes of this machine share; None where there is no such thing."""
        return None

    # --- ends

    def open_end(self, key: str, side: str, end: str, *, instead_of: str | None = None, owner: str = ME) -> None:
        """Note that this process has an end of a list; `instead_of` names one that is no more.

        Any other `owner` than `ME` and `NOBODY` is the name of a list, and means who reads that. Raises
        `BrokenPipeError` if nobody does.
        """
        if not self._do("open_end", key, side, end, instead_of, owner):
            raise BrokenPipeError("nobody reads the other end any more")

    @abstractmethod
    def close_end(self, key: str, side: str, end: str) -> None:
        """Take that back; harmless when repeated. Behind the last writer's messages readers find `END`; never raises.

        What nobody has an end of any more is removed.
        """

    # --- the end of it

    @abstractmethod
    def discard(self, key: str) -> None:
        """Remove an object's lists and blocks; never raises."""

    @abstractmethod
    def settle(self) -> None:
        """Say that this process ends as it should: what it holds is not given back."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections; idempotent."""

    @abstractmethod
    def __reduce__(self) -> tuple[Callable[..., Carrier], tuple[object, ...]]:
        """A carrier arrives as the receiving process's own."""

    @abstractmethod
    def _do(self, step: str, *arguments: object) -> Any:
        """Take one atomic step, and return what comes of it."""


def new_key() -> str:
    """Return a name that nobody else has."""
    return os.urandom(8).hex()
