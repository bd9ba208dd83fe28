"""Which call this process is running, for code that has to know: nested executors, promises, the log."""

from __future__ import annotations


class CallContext:
    """The call at hand; `job_key` is empty outside of a worker."""

    __slots__ = ("call", "job_key")

    def __init__(self) -> None:
        self.job_key = ""
        self.call = -1


current = CallContext()
"""There is one call at a time in a process, so there is one context."""
