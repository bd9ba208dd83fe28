"""`ResultStream`: the results of a stream of calls, read one by one, and the thread that reads the items."""

from __future__ import annotations

import os
import reprlib
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lithops.errors import BadCallError, refuse_forked
from lithops.futures import FuturesList
from lithops.jobs.waiting import FOREVER, wait_for
from lithops.worker.codec import ATOMS, Unloaded
from lithops.worker.failure import Failure

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lithops.jobs.flow import Flow

ENDS = (StopIteration, StopAsyncIteration, GeneratorExit)
"""How iterators and generators end."""


class ResultStream(Iterator[Any]):
    """The results of `imap`. A context manager; `close()` cancels what is in flight.

    A call that failed raises its error in its place; the next result can be read after that. Several threads may read:
    each result goes to one of them. A stream that nobody holds any more is closed.
    """

    def __init__(self, flow: Flow, items: Iterable[object], *, throw_except: bool) -> None:
        self._flow = flow
        self._throw_except = throw_except
        self._taken: deque[object] = deque()
        self._gate = threading.Lock()
        self._gate.acquire()
        self._reading = threading.Lock()
        self._pump = pump = flow.job.table.pump
        self._owner = os.getpid()
        self._closed = False
        gate = self._gate

        def wake() -> None:
            with suppress(RuntimeError):  # it is open already
                gate.release()
            if pump is not None:
                pump.wake()

        flow.on_outcome = wake
        weakref.finalize(self, let_go, flow, self._owner).atexit = False
        start_feeding(flow, items)

    def __next__(self) -> Any:
        while True:
            try:
                entry = self._taken.popleft()
            except IndexError:
                self._wait()
            else:
                return entry if type(entry) in ATOMS else outcome(entry, throw_except=self._throw_except)

    def _wait(self) -> None:
        refuse_forked("stream", self._owner)
        with self._reading:
            if self._taken:  # by another thread, meanwhile
                return
            try:
                while (taken := self._flow.take()) == []:
                    wait_for(self._gate, () if self._pump is None else (self._pump,), FOREVER)
            except BaseException:  # Ctrl-C, what a signal handler raises, or what the items ended with
                self.close()
                raise
            if taken is None:
                raise StopIteration
            self._taken.extend(taken)
            if self._closed:
                self._taken.clear()

    def close(self) -> None:
        """Cancel what is in flight and give up what was not read; harmless when repeated."""
        if os.getpid() == self._owner:
            self._closed = True
            self._taken.clear()
            self._flow.close()

    def __repr__(self) -> str:
        facts = self._flow.job.facts
        return f"<{type(self).__name__} {self._flow.job.key} {facts.function_name}{', closed' if self._closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def outcome(entry: object, *, throw_except: bool) -> Any:
    """Return the result that a report brought, or raise the error it brought, or return that."""
    if type(entry) in ATOMS:
        return entry
    if isinstance(entry, Unloaded):
        return entry.load()
    error = entry.exception() if isinstance(entry, Failure) else entry
    assert isinstance(error, BaseException)
    if not throw_except:
        return error
    raise told_apart(error, "the call").with_traceback(None)


def told_apart(error: BaseException, who: str, ends: tuple[type[BaseException], ...] = ENDS) -> BaseException:
    """Return an error; another one instead of what a reader would take for the end of the stream, or for its own."""
    if not isinstance(error, ends):
        return error
    other = RuntimeError(f"{who} raised {type(error).__name__}")
    other.__cause__ = error
    return other


def items_of(iterable: object) -> Iterable[object]:
    """Take what the user gave for items: of futures, their results. Raises `BadCallError` for what has no items."""
    if isinstance(iterable, FuturesList):
        return (future.result() for future in iterable)
    if isinstance(iterable, str | bytes | bytearray) or not isinstance(iterable, Iterable):
        raise BadCallError(
            f"imap takes an iterable of items, found {reprlib.repr(iterable)} of type {type(iterable).__name__!r}; "
            "write [item] for a single one"
        )
    return iterable


def start_feeding(flow: Flow, items: Iterable[object]) -> None:
    """Read items on a thread of their own, so that one that is long in coming keeps no result waiting."""
    gate = threading.Lock()
    gate.acquire()

    def room() -> None:
        with suppress(RuntimeError):  # it is open already
            gate.release()

    def feed() -> None:
        try:
            for item in items:
                if not flow.put(item):
                    if not flow.is_finished:
                        gate.acquire()
                    if flow.is_finished:
                        return
        except BaseException as error:  # noqa: BLE001 - the user's code; who reads the results hears of it
            flow.finish(told_apart(error, "the iterable"))
        else:
            flow.finish()

    flow.on_room = room
    threading.Thread(target=feed, name="lithops-items", daemon=True).start()


def let_go(flow: Flow, owner: int) -> None:
    """Close a flow that nobody reads; on a thread of its own, for garbage is collected anywhere, with any lock held."""
    if os.getpid() == owner and not flow.is_over:
        threading.Thread(target=flow.close, name="lithops-close", daemon=True).start()
