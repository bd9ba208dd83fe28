"""What becomes of a shared object's pickle, which decides how long what the object keeps is kept.

A pickle of which nothing is known may be read at any time, again and again; so what it refers to stays until the
program ends. Two kinds are known to have an end, and those who make them say so here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Closing = tuple[Callable[..., object], tuple[object, ...]]
"""What is to be called, with what."""


class Journey:
    """A pickle that is read by nobody once `end` was called; until then by any number of processes."""

    def __init__(self) -> None:
        self._closings: list[Closing] = []

    def when_over(self, call: Callable[..., object], *arguments: object) -> None:
        """Have something called at the end."""
        self._closings.append((call, arguments))

    def end(self) -> None:
        """Say that it is over; idempotent."""
        while self._closings:
            call, arguments = self._closings.pop()
            call(*arguments)


ONCE = Journey()
"""Stands for a pickle that is read once: an item of a queue, a task of a pool."""
_now: ContextVar[Journey | None] = ContextVar("lithops_journey", default=None)


@contextmanager
def going(journey: Journey) -> Iterator[None]:
    """Say that what this thread pickles meanwhile goes on such a journey."""
    token = _now.set(journey)
    try:
        yield
    finally:
        _now.reset(token)


def current() -> Journey | None:
    """Return the journey that is being prepared, None if nothing is known of it."""
    return _now.get()
