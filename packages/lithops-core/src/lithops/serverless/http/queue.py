"""Tickets that nothing was done for yet: the one place of an engine that other threads touch."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lithops.serverless.http.ticket import Exchange, Ticket


class Queue:
    """First in, first out; each ticket leaves it once, however many threads are after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: deque[Ticket] = deque()

    def put(self, tickets: Sequence[Ticket]) -> None:
        """Add tickets at the end."""
        with self._lock:
            self._tickets.extend(tickets)

    def take(self) -> Ticket | None:
        """Take the first ticket out, or `None` if there is none."""
        with self._lock:
            while self._tickets:
                ticket = self._tickets.popleft()
                if ticket.queued:
                    ticket.queued = False
                    return ticket
            return None

    def claim(self, ticket: Ticket) -> bool:
        """Take a certain ticket out; returns whether it was still there."""
        with self._lock:
            was, ticket.queued = ticket.queued, False
            return was

    def drop(self, exchanges: Collection[Exchange]) -> list[Ticket]:
        """Take the tickets of exchanges out, those that are still there."""
        wanted = {id(exchange) for exchange in exchanges}  # an exchange need not be hashable, nor unlike others
        with self._lock:
            found = [ticket for ticket in self._tickets if ticket.queued and id(ticket.exchange) in wanted]
            for ticket in found:
                ticket.queued = False
            self._tickets = deque(ticket for ticket in self._tickets if ticket.queued)
            return found
