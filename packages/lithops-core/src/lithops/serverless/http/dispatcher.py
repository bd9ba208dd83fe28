"""What happens to tickets on the thread of an engine: from the queue to a connection, and to their end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lithops.errors import ClosedError
from lithops.serverless.http.deadlines import Deadlines
from lithops.serverless.http.failures import failure
from lithops.serverless.http.origin import Origins
from lithops.serverless.http.pool import Pool

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from lithops.serverless.http.queue import Queue
    from lithops.serverless.http.ticket import Ticket
    from lithops.types import HttpResponse

logger = logging.getLogger(__name__)


class Dispatcher:
    """All tickets that have not ended. Everything here runs on the thread of the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, queue: Queue, connections: int, after_turn: Callable[[], None] | None
    ) -> None:
        self._loop = loop
        self._queue = queue
        self._after_turn = after_turn
        self._deadlines = Deadlines(loop, self._expired)
        self._origins = Origins()
        self._connections = connections
        self._pool = Pool(loop, connections, self)
        self._turn_due = False
        self._ended_some = False

    def arrived(self, tickets: Sequence[Ticket]) -> None:
        """Learn of tickets that are in the queue now."""
        for ticket in tickets:
            if ticket.queued:
                self._deadlines.add(ticket)
        self.freed()

    def dropped(self, tickets: Sequence[Ticket]) -> None:
        """Learn of tickets that are in the queue no more."""
        for ticket in tickets:
            self._deadlines.discard(ticket)

    def close(self) -> None:
        """Fail what is open, and close all connections."""
        while (ticket := self._queue.take()) is not None:
            self._deadlines.add(ticket)
        for ticket in self._deadlines.open():
            self.failed(ticket, ClosedError("the connections were closed before the whole response was there"))
        self._pool.close()
        self._turn()

    # called by the pool

    def answered(self, ticket: Ticket, response: HttpResponse) -> None:
        """End a ticket with its response."""
        if self._end(ticket):
            try:
                ticket.exchange.answered(response)
            except BaseException:  # the border to a plugin; the thread must live on
                logger.exception("a response could not be taken")

    def failed(self, ticket: Ticket, error: Exception) -> None:
        """End a ticket without a response."""
        if self._end(ticket):
            try:
                ticket.exchange.failed(error, ticket.sent)
            except BaseException:  # as above
                logger.exception("a failure could not be taken: %s", error)

    def again(self, ticket: Ticket) -> None:
        """Send a ticket once more."""
        self._begin(ticket)

    def freed(self) -> None:
        """Look at the queue in the next turn of the loop, once for all that happens in this one."""
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    # the rest

    def _turn(self) -> None:
        self._turn_due = False
        self._send_queued()
        if self._ended_some:
            self._ended_some = False
            if self._after_turn is not None:
                try:
                    self._after_turn()
                except BaseException:  # as above
                    logger.exception("the end of a turn could not be taken")

    def _send_queued(self) -> None:
        while self._pool.has_room() and (ticket := self._queue.take()) is not None:
            self._deadlines.add(ticket)
            self._begin(ticket)

    def _begin(self, ticket: Ticket) -> None:
        if ticket.deadline <= self._loop.time():
            self._expired(ticket)
            return
        try:
            self._origins.address(ticket, ticket.exchange.request())
        except BaseException as error:  # noqa: BLE001 - as above
            self.failed(ticket, error if isinstance(error, Exception) else failure(f"no request was made: {error!r}"))
        else:
            self._pool.place(ticket)

    def _end(self, ticket: Ticket) -> bool:
        """Return whether it had not ended yet."""
        if not self._deadlines.discard(ticket):
            return False
        self._ended_some = True
        self.freed()
        return True

    def _expired(self, ticket: Ticket) -> None:
        self._queue.claim(ticket)
        self._pool.forget(ticket)
        self.failed(ticket, self._too_late(ticket))

    def _too_late(self, ticket: Ticket) -> Exception:
        host = ticket.origin.name if ticket.origin is not None else "the platform"
        if ticket.sent:
            return failure(f"{host} did not answer in time; it may still be at work, or need a longer timeout")
        if self._pool.short:
            return failure(f"nothing was sent to {host} in time: too few connections can be opened; see `ulimit -n`")
        return failure(f"nothing was sent to {host} in time: all {self._connections} connections were in use")
