"""Keep Ctrl-C from striking in the middle of the pool's bookkeeping."""

from __future__ import annotations

import threading
from _signal import SIGINT, getsignal, signal  # `signal` wraps these to make enumerations, which costs more than a call
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType


class deferred_interrupts:  # noqa: N801 - used like a function
    """On the main thread, note an interrupt that comes inside the block; `deliver` calls its handler afterwards.

    On other threads Python never runs signal handlers, so there is nothing to do.
    """

    __slots__ = ("_handler", "_wake", "caught")

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when an interrupt comes."""
        self._wake = wake
        self._handler: Callable[[int, FrameType | None], object] | None = None
        self.caught = False

    def __enter__(self) -> None:
        if threading.get_ident() == threading.main_thread().ident:
            handler = getsignal(SIGINT)
            if callable(handler):
                self._handler = handler
                signal(SIGINT, self._note)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is not None:
            signal(SIGINT, self._handler)

    def deliver(self) -> None:
        """Let the interrupt that came have its effect, now that all is consistent."""
        if self.caught and self._handler is not None:
            self._handler(SIGINT, None)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.caught = True
        self._wake()
