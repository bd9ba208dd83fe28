"""The standard future, read by whoever waits for it: a hand-over between threads costs more than a small call."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Feeding(Protocol):
    """What a future asks of what it has been given to."""

    def drive(self, future: Future[Any], timeout: float | None) -> float | None:
        """Read results until the future is done or the time is over; return what is left of it."""

    def attend(self) -> None:
        """Have results read at once, by a thread of the backend's own."""

    def forget(self, future: Future[Any]) -> None:
        """Let go of a call that was cancelled."""


class Future(concurrent.futures.Future[T]):
    """A call that an executor made. All that the standard library does with futures, it does with these."""

    feeder: Feeding | None = None
    """What the call has been given to; None again when it has ended."""

    @property
    def _waiters(self) -> list[Any]:
        """Those of `wait` and `as_completed`, as the standard library keeps them: whoever adds one is about to wait."""
        feeder = self.feeder
        if feeder is not None:
            feeder.attend()
        return self._waiting

    @_waiters.setter
    def _waiters(self, waiters: list[Any]) -> None:
        self._waiting = waiters

    def result(self, timeout: float | None = None) -> T:
        """Wait for the call and return its result, or raise what it raised; `TimeoutError` after `timeout` seconds."""
        try:
            feeder = self.feeder
            return super().result(timeout if feeder is None else feeder.drive(self, timeout))
        finally:
            del self  # it is part of the traceback of an exception that it holds

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the call and return what it raised, if it did; `TimeoutError` after `timeout` seconds."""
        feeder = self.feeder
        return super().exception(timeout if feeder is None else feeder.drive(self, timeout))

    def cancel(self) -> bool:
        """Take the call back, unless it was handed to the backend; return whether it is cancelled."""
        cancelled = super().cancel()
        feeder = self.feeder
        if cancelled and feeder is not None:
            feeder.forget(self)
        return cancelled

    def add_done_callback(self, fn: Callable[[concurrent.futures.Future[T]], object]) -> None:
        """Call `fn(future)` when the call has ended, at once if it has; what it raises is logged."""
        super().add_done_callback(fn)
        feeder = self.feeder
        if feeder is not None:
            feeder.attend()
