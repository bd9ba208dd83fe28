"""Where the state of locks, queues and pipes is kept, and the few atomic steps that all of them are made of.

A carrier holds *lists* of byte strings by key. A queue is a list of pickled items, a semaphore a list of empty tokens,
an event a list that is empty or not. An item that was taken is *held* by the process that took it until that says what
becomes of it; what a process held when it was killed goes back to the front of its list. Lists that are the inside of a
pipe know who can read and who can write them. Beside lists there are blocks of bytes, for shared values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

NOTHING = b""
"""What is in a list whose items only count."""
READ, WRITE = "r", "w"
"""The two sides of a list that is the inside of a pipe."""
END = b"\0end"
"""Stands in a pipe behind the last message once nobody can write to it any more."""


class Watch(Protocol):
    """A descriptor that becomes readable when a list has an item; for waiting for several at once."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def close(self) -> None:
        """Stop watching; idempotent."""


class Carrier(Protocol):
    """One process's way to shared state. Thread-safe; picklable, and then the receiver's own way to the same state.

    Timeouts are seconds, None waits for ever, 0 does not wait. Every method raises `CarrierError` if what keeps the
    state cannot be reached or has ended.
    """

    def fill(self, key: str, tokens: int) -> None:
        """Append so many tokens to a list."""

    def take(self, key: str, timeout: float | None, *, refill: str | None = None) -> bytes | None:
        """Remove and return the first item, None after `timeout`; add a token to the list `refill` in its place.

        If this process is killed before it has the item, the item stays. `END` stays anyway.
        """

    def borrow(self, key: str, timeout: float | None) -> bool:
        """Remove the first item and hold it until it is given back; False after `timeout`."""

    def give(
        self,
        key: str,
        item: bytes = NOTHING,
        *,
        limit: int | None = None,
        held: str | None = None,
        tally: str | None = None,
        heard: bool = False,
    ) -> bool:
        """Append an item to a list; False, with nothing done, if that has `limit` items already.

        `held` names a list an item of which is held, and is no more. `tally` names a count that goes up by one.
        Raises `BrokenPipeError` if the list is the inside of a pipe that nobody can read; with `heard` also if it is
        none at all.
        """

    def count(self, tally: str, by: int) -> bool:
        """Change a count; False, with nothing done, if that would make it negative.

        The list of the same name has a token while the count is zero.
        """

    def watch(self, key: str, timeout: float | None) -> bool:
        """Wait until a list has an item, which stays in it."""

    def watcher(self, key: str) -> Watch:
        """Begin to watch a list."""

    def size(self, key: str) -> int:
        """Return how many items a list has."""

    def remove(self, key: str, item: bytes) -> bool:
        """Remove the first item like this one from a list; False if there is none."""

    def clear(self, key: str) -> None:
        """Remove all items."""

    def read(self, key: str, start: int, size: int) -> bytes:
        """Return bytes of a block."""

    def write(self, key: str, start: int, data: bytes) -> None:
        """Change bytes of a block, which grows as needed, with zeros."""

    def map(self, key: str, size: int) -> memoryview | None:
        """Return a block as memory that all processes of this machine share; None where there is no such thing."""

    def open_end(self, key: str, side: str, end: str, *, instead_of: str | None = None) -> None:
        """Note that this process can read or write a list; `instead_of` names an end that is no more."""

    def close_end(self, key: str, side: str, end: str) -> None:
        """Take that back; harmless when repeated. Behind the last writer's messages readers find `END`; never raises."""

    def discard(self, *keys: str) -> None:
        """Remove lists and blocks; never raises."""

    def settle(self) -> None:
        """Say that this process ends as it should: what it holds is not given back."""

    def close(self) -> None:
        """Let go of all connections; idempotent."""

    def __reduce__(self) -> tuple[Callable[..., Carrier], tuple[object, ...]]:
        """A carrier arrives as the receiving process's own."""


def new_key() -> str:
    """Return a name that nobody else has."""
    return os.urandom(8).hex()
