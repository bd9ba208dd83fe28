"""The connections of an engine: how many there are, which is used next, when they go."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from lithops.serverless.http.addresses import Addresses
from lithops.serverless.http.connection import Connection
from lithops.serverless.http.failures import SHORT_OF_SOCKETS, not_opened
from lithops.serverless.http.tls import Tls

if TYPE_CHECKING:
    from lithops.serverless.http.origin import Origin
    from lithops.serverless.http.ticket import Ticket
    from lithops.types import HttpResponse

logger = logging.getLogger(__name__)

FEWEST_OPENING, MOST_OPENING = 8, 32
"""Connections on their way at once: the more, the sooner all are there if what takes time is the way. If it is the
computing, each takes the time of ten requests, and few at once let answers come in, whose connections are used again."""
BUSY = 0.5
"""Share of its time that this thread computes, from which on it is the computing."""
OPEN_S = 10.0
IDLE_S = 30.0
SHORTAGE_S = 1.0
"""How long no connection is opened after the system has refused one."""
REPETITIONS = 3
"""How often a request is sent again because its connection turned out to be closed."""
TURNS = 3
"""Turns of the loop in which a connection that is told to close does so."""


class Owner(Protocol):
    """Whom a pool tells, on the thread of the loop."""

    def answered(self, ticket: Ticket, response: HttpResponse) -> None:
        """Take a response."""
        ...

    def failed(self, ticket: Ticket, error: Exception) -> None:
        """Take it that there will be no response."""
        ...

    def again(self, ticket: Ticket) -> None:
        """Prepare and place a ticket once more: nobody has seen its request."""
        ...

    def freed(self) -> None:
        """Place more tickets, but not before returning."""
        ...


class Pool:
    """The open connections of all origins, and the tickets that wait for one. Used on the thread of the loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int, owner: Owner) -> None:
        self.loop = loop
        self.owner = owner
        self.received = memoryview(bytearray(256 * 1024))
        self.decrypted = memoryview(bytearray(32 * 1024))
        self.short = False
        """Whether the system refuses to open more, for now."""
        self._told = False
        self._limit = limit
        self._addresses = Addresses(loop)
        self._allowed = FEWEST_OPENING
        """Connections that may be on their way at once."""
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._idle: dict[Connection, float] = {}
        """Since when, the longest first."""
        self._expiry: asyncio.TimerHandle | None = None
        self._unserved: deque[Origin] = deque()
        """An entry for each ticket that waits and that no connection is being opened for."""

    def has_room(self) -> bool:
        """Return whether another ticket can be placed: no other waits for its turn, and a connection can be had."""
        return not self._unserved and (bool(self._idle) or (self._may_open() and not self._full()))

    def place(self, ticket: Ticket) -> None:
        """Send an addressed ticket on the connection that was used last, or have one opened for it."""
        origin = ticket.origin
        assert origin is not None
        if origin.idle and not ticket.repeated:  # where one idle connection was closed, others may be, too
            connection, _ = origin.idle.popitem()
            del self._idle[connection]
            connection.send(ticket)
        else:
            origin.waiting.append(ticket)
            self._unserved.append(origin)
            self._serve()

    def forget(self, ticket: Ticket) -> None:
        """Do no more for a ticket that was placed."""
        connection, ticket.connection = ticket.connection, None
        if connection is not None:
            self.discard(connection)
            connection.abort()
        elif ticket.origin is not None and ticket in ticket.origin.waiting:
            ticket.origin.waiting.remove(ticket)
            self._changed()

    def repeat(self, ticket: Ticket) -> bool:
        """Have a ticket sent again; returns whether it may be, after all the times that it was."""
        if ticket.repeated >= REPETITIONS:
            return False
        ticket.repeated += 1
        ticket.connection, ticket.sent = None, False
        self.owner.again(ticket)
        return True

    def release(self, connection: Connection) -> None:
        """Use a connection for what waits, or keep it."""
        origin = connection.origin
        if origin.waiting:
            connection.send(origin.waiting.popleft())
        else:
            self._idle[connection] = now = self.loop.time()
            if self._expiry is None:
                self._expiry = self.loop.call_at(now + IDLE_S, self._expire)
            origin.idle[connection] = None
        self._changed()

    def discard(self, connection: Connection) -> None:
        """Reckon with a connection no more; harmless when repeated."""
        if connection in self._open:
            self._remove(connection)
            self._changed()

    async def close(self) -> None:
        """Close everything."""
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in list(self._open):
            self._remove(connection)
            connection.abort()
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def _may_open(self) -> bool:
        return len(self._opening) < self._allowed and not self.short

    def _full(self) -> bool:
        return len(self._open) + len(self._opening) >= self._limit

    def _changed(self) -> None:
        self._serve()
        self.owner.freed()

    def _remove(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._idle.pop(connection, None)
        connection.origin.idle.pop(connection, None)

    def _serve(self) -> None:
        """Open connections for what waits, as far as that is possible now."""
        while self._unserved:
            origin = self._unserved[0]
            if len(origin.waiting) > origin.opening:
                if not self._may_open():
                    return
                if self._full() and not self._close_longest_idle():
                    return
                origin.opening += 1
                self._opening.add(self.loop.create_task(self._open_one(origin)))
            self._unserved.popleft()

    def _close_longest_idle(self) -> bool:
        for connection in self._idle:
            self._remove(connection)
            connection.abort()
            return True
        return False

    def _expire(self) -> None:
        """Close what is idle for too long."""
        self._expiry = None
        while self._idle:
            until = next(iter(self._idle.values())) + IDLE_S
            if until > self.loop.time():
                self._expiry = self.loop.call_at(until, self._expire)
                return
            self._close_longest_idle()

    async def _open_one(self, origin: Origin) -> None:
        connection: Connection | None = None
        problem: Exception | None = None
        began, computed = time.monotonic(), time.thread_time()
        try:
            async with asyncio.timeout(OPEN_S):
                connection = await self._connect(origin)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must not wait for ever
            problem = error
        task = asyncio.current_task()
        assert task is not None
        self._opening.discard(task)
        if time.thread_time() - computed > BUSY * (time.monotonic() - began):
            self._allowed = max(FEWEST_OPENING, self._allowed - 1)
        else:
            self._allowed = min(MOST_OPENING, self._allowed + 1)
        origin.opening -= 1
        if connection is not None:
            self._open.add(connection)
            self.release(connection)
        elif isinstance(problem, OSError) and problem.errno in SHORT_OF_SOCKETS:
            self._run_short(problem)
            self._unserved.append(origin)
        elif problem is not None:
            origin.lost()
            if len(origin.waiting) > origin.opening:
                self.owner.failed(origin.waiting.popleft(), not_opened(origin.name, problem, OPEN_S))
        self._changed()

    async def _connect(self, origin: Origin) -> Connection:
        """Try the addresses of a host, one after the other, until one takes a connection."""
        until = self.loop.time() + OPEN_S
        addresses = origin.addresses() or await self._addresses.of(origin.host)
        for left in range(len(addresses), 1, -1):
            try:
                return await self._reach(origin, addresses[-left], (until - self.loop.time()) / left)
            except OSError as error:
                if isinstance(error, ssl.SSLError) or error.errno in SHORT_OF_SOCKETS:
                    raise
        return await self._reach(origin, addresses[-1], until - self.loop.time())

    async def _reach(self, origin: Origin, address: str, limit_s: float) -> Connection:
        tls = Tls(origin.trusted, origin.host) if origin.trusted is not None else None
        async with asyncio.timeout(limit_s):
            _, connection = await self.loop.create_connection(
                lambda: Connection(self, origin, tls), address, origin.port
            )
            try:
                await connection.opened
                if connection.is_closing():
                    raise ConnectionResetError("it closed the connection right after the handshake")
            except BaseException:
                connection.abort()
                raise
        origin.reached(address)
        return connection

    def _run_short(self, problem: OSError) -> None:
        if self.short:
            return
        self.short = True
        self.loop.call_later(SHORTAGE_S, self._recover)
        self._close_longest_idle()  # it is another host's, as something waits for this one
        if not self._told:
            self._told = True
            logger.warning(
                "no more connections can be opened for now (%s); going on with %d; a higher `ulimit -n` may help",
                problem.strerror,
                len(self._open),
            )

    def _recover(self) -> None:
        self.short = False
        self._changed()
