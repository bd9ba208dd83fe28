"""Queues: lists of pickled items."""

from __future__ import annotations

from queue import Empty, Full
from types import GenericAlias, TracebackType
from typing import Any, ClassVar

from lithops.multiprocessing import items
from lithops.multiprocessing.shared import Shared


class Queue(Shared):
    """A queue of any number of processes; with `maxsize` above 0, whoever puts waits while it is full.

    An item is in the queue when `put` returns; no thread carries it there.
    """

    _local = ("_closed",)

    def __init__(self, maxsize: int = 0, *, ctx: Any = None) -> None:
        super().__init__()
        self._maxsize = maxsize
        self._begin()
        if maxsize > 0:
            self._carrier.fill(self._room, maxsize)

    def _begin(self) -> None:
        self._closed = False

    @property
    def _room(self) -> str:
        """The list of free places."""
        return f"{self._key}:room"

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Append an item; raises `queue.Full` if there is no room, at once or after `timeout` seconds.

        Raises what pickling the item raises.
        """
        self._put(items.dumps(obj), block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Remove and return the first item; raises `queue.Empty` if there is none, at once or after `timeout`."""
        self._must_be_open()
        refill = self._room if self._maxsize > 0 else None
        item = self._carrier.take(self._key, timeout if block else 0, refill=refill)
        if item is None:
            raise Empty
        return items.loads(item)

    def put_nowait(self, obj: Any) -> None:
        """Append an item, if there is room."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """Remove and return the first item, if there is one."""
        return self.get(False)

    def qsize(self) -> int:
        """Return how many items there are."""
        return self._carrier.size(self._key)

    def empty(self) -> bool:
        """Return whether there are none; raises `OSError` if it was closed here."""
        if self._closed:
            raise OSError(f"{type(self).__name__} {self!r} is closed")
        return self.qsize() == 0

    def full(self) -> bool:
        """Return whether there is no room."""
        return self._maxsize > 0 and self._carrier.size(self._room) == 0

    def close(self) -> None:
        """Say that this process uses it no more; what was put is there already."""
        self._closed = True

    def join_thread(self) -> None:
        """Return at once: there is no thread."""

    def cancel_join_thread(self) -> None:
        """Return at once: there is no thread."""

    def _put(self, item: bytes, block: bool, timeout: float | None, tally: str | None = None) -> None:
        self._must_be_open()
        if self._maxsize <= 0:
            self._carrier.give(self._key, item, tally=tally)
            return
        if not self._carrier.borrow(self._room, timeout if block else 0):
            raise Full
        self._carrier.give(self._key, item, held=self._room, owned=True, tally=tally)

    def _must_be_open(self) -> None:
        if self._closed:
            raise ValueError(f"{type(self).__name__} {self!r} is closed")

    __class_getitem__: ClassVar[Any] = classmethod(GenericAlias)


class JoinableQueue(Queue):
    """A queue that knows how many of its items were not yet said to be done."""

    def __init__(self, maxsize: int = 0, *, ctx: Any = None) -> None:
        super().__init__(maxsize)
        self._carrier.fill(self._unfinished, 1)

    @property
    def _unfinished(self) -> str:
        """The count, and the list that has a token while it is zero."""
        return f"{self._key}:unfinished"

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Append an item, which is one more to be done."""
        self._put(items.dumps(obj), block, timeout, self._unfinished)

    def task_done(self) -> None:
        """Say that an item is done; raises `ValueError` if that was said of all that were put."""
        if not self._carrier.count(self._unfinished, -1):
            raise ValueError("task_done() called too many times")

    def join(self) -> None:
        """Wait until all items are done."""
        self._carrier.watch(self._unfinished, None)


class SimpleQueue(Shared):
    """A queue without bound and without timeouts. All raises `OSError` once it was closed here."""

    _local = ("_closed",)

    def __init__(self, *, ctx: Any = None) -> None:
        super().__init__()
        self._begin()

    def _begin(self) -> None:
        self._closed = False

    def get(self) -> Any:
        """Wait for the first item, remove and return it."""
        self._must_be_open()
        item = self._carrier.take(self._key, None)
        assert item is not None, "there is no timeout"
        return items.loads(item)

    def put(self, obj: Any) -> None:
        """Append an item."""
        self._must_be_open()
        self._carrier.give(self._key, items.dumps(obj))

    def empty(self) -> bool:
        """Return whether there are no items."""
        self._must_be_open()
        return self._carrier.size(self._key) == 0

    def close(self) -> None:
        """Say that this process uses it no more."""
        self._closed = True

    def _must_be_open(self) -> None:
        if self._closed:
            raise OSError(f"{type(self).__name__} {self!r} is closed")

    def __enter__(self) -> SimpleQueue:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    __class_getitem__: ClassVar[Any] = classmethod(GenericAlias)
