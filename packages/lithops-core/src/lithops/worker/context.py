"""Which call this process is running, for code that has to know: nested executors, promises, the log."""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable


class CallContext:
    """The call at hand; `job_key` is empty outside of a worker."""

    __slots__ = ("call", "job_key", "retire")

    def __init__(self) -> None:
        self.job_key = ""
        self.call = -1
        self.retire: Callable[[], None] | None = None
        """Has this process end after the call, so that the next one finds a new process."""


current = CallContext()
"""There is one call at a time in a process, so there is one context."""
