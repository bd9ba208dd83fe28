"""Keep Ctrl-C, alarms and requests to end from striking in the middle of the pool's bookkeeping."""

from __future__ import annotations

import _signal  # `signal` wraps it to make enumerations, which costs more than a call
import threading
from _signal import getsignal, signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    Handler = Callable[[int, FrameType | None], object]

_HELD: tuple[int, ...] = tuple(
    getattr(_signal, name) for name in ("SIGINT", "SIGALRM", "SIGTERM") if hasattr(_signal, name)
)
"""Signals whose handlers programs let raise exceptions."""


class deferred_interrupts:  # noqa: N801 - used like a function
    """On the main thread, note signals that come inside the block; `deliver` calls their handlers afterwards.

    On other threads Python never runs signal handlers, so there is nothing to do.
    """

    __slots__ = ("_came", "_handlers", "_wake", "caught")

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when a signal comes."""
        self._wake = wake
        self._handlers: list[tuple[int, Handler]] = []
        self._came: list[tuple[int, Handler]] = []
        self.caught = False

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        try:
            for number in _HELD:
                handler = getsignal(number)
                if callable(handler):
                    self._handlers.append((number, handler))
                    signal(number, self._note)
        except BaseException:  # a handler that is not replaced yet has raised
            self._restore()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def deliver(self) -> None:
        """Let the signals that came have their effect, now that all is consistent."""
        while self._came:
            number, handler = self._came.pop(0)
            handler(number, None)

    def _restore(self) -> None:
        handlers = self._handlers
        try:
            while handlers:
                signal(*handlers[-1])
                handlers.pop()
        finally:
            if handlers:  # a handler that was just put back has raised
                self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.caught = True
        self._came += [entry for entry in self._handlers if entry[0] == number]
        self._wake()
