"""Large buffers that several jobs of an executor have in common."""

from __future__ import annotations

from weakref import WeakValueDictionary


class Shelf:
    """Lets jobs that are under way at the same time share buffers of `least_bytes` and more: a worker gets each once.

    A buffer that is met again is taken for what it was when it was met first, for as long as jobs that have it follow
    one another; so nobody may write to it meanwhile. It arrives read-only.
    """

    def __init__(self, least_bytes: int) -> None:
        self.least_bytes = least_bytes
        self.views = WeakValueDictionary[tuple[int, int], memoryview]()
        """By address and length; a view is here as long as a job has it, which keeps the memory where it is."""
