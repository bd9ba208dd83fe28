"""The engine: a thread that sends requests and hands responses back."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import TYPE_CHECKING

from lithops.errors import ClosedError, refuse_forked
from lithops.serverless.http.dispatcher import Dispatcher
from lithops.serverless.http.queue import Queue
from lithops.serverless.http.ticket import Exchange as Exchange
from lithops.serverless.http.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

JOIN_S = 10.0
"""How long closing waits for a callback that is being run."""


class Engine:
    """Sends requests over at most `connections` connections and calls back on a thread of its own.

    `after_turn` is called once for all exchanges that ended in one turn of its loop. Whatever a callback raises is
    logged, and the engine goes on.
    """

    def __init__(self, *, connections: int, after_turn: Callable[[], None] | None = None) -> None:
        self._connections = connections
        self._after_turn = after_turn
        self._queue = Queue()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._dispatcher: Dispatcher | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._owner = os.getpid()

    def send(self, exchanges: Sequence[Exchange]) -> None:
        """Take exchanges over: each ends by `answered` or `failed`, once. Thread-safe, waits for nothing.

        Raises: ClosedError after `close`, and in a process that was forked.
        """
        refuse_forked("executor", self._owner)
        tickets = [Ticket(exchange) for exchange in exchanges]
        with self._lock:
            if self._closed:
                raise ClosedError("cannot send requests: the connections were closed; make a new executor")
            dispatcher = self._dispatcher or self._start()
            self._queue.put(tickets)
            self._tell(dispatcher.arrived, tickets)

    def drop(self, exchanges: Collection[Exchange]) -> list[Exchange]:
        """Forget exchanges that nothing was done for yet, and return them: they are not called. Thread-safe.

        Raises: ClosedError in a process that was forked.
        """
        refuse_forked("executor", self._owner)
        tickets = self._queue.drop(exchanges)
        with self._lock:
            if self._dispatcher is not None and not self._closed:
                self._tell(self._dispatcher.dropped, tickets)
        return [ticket.exchange for ticket in tickets]

    def close(self) -> None:
        """Fail what is open with `ClosedError`, close all connections, end the thread; harmless when repeated."""
        if os.getpid() != self._owner:  # thread and connections are the parent's, and the lock may be held for ever
            return
        with self._lock:
            if not self._closed and self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)
            self._closed = True
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_S)
            if thread.is_alive():
                logger.warning("a callback has kept the thread of the connections from ending for %g s", JOIN_S)

    def _start(self) -> Dispatcher:
        loop, stop = asyncio.SelectorEventLoop(), asyncio.Event()
        dispatcher = Dispatcher(loop, self._queue, _affordable(self._connections), self._after_turn)
        thread = threading.Thread(target=_run, args=(loop, dispatcher, stop), name="lithops-http", daemon=True)
        thread.start()
        self._loop, self._stop, self._dispatcher, self._thread = loop, stop, dispatcher, thread
        return dispatcher

    def _tell(self, callback: Callable[[Sequence[Ticket]], None], tickets: Sequence[Ticket]) -> None:
        """Have the engine's thread know, at once if this is it."""
        assert self._loop is not None
        if threading.current_thread() is self._thread:
            callback(tickets)
        else:
            self._loop.call_soon_threadsafe(callback, tickets)


def _run(loop: asyncio.AbstractEventLoop, dispatcher: Dispatcher, stop: asyncio.Event) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_serve(dispatcher, stop))


async def _serve(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
    await stop.wait()
    await dispatcher.close()


def _affordable(wanted: int) -> int:
    """Return how many connections leave the rest of the program files to open."""
    if resource is None:
        return wanted  # type: ignore[unreachable]  # reached on Windows
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if limit == resource.RLIM_INFINITY else max(1, min(wanted, limit * 3 // 4))
