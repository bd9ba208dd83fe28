"""What is due when, at the same small cost however much it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lithops.serverless.http.ticket import Ticket

NEVER_S = 1e9
"""As good as no deadline at all."""
STEP_S = 0.1
"""How late a deadline may be noticed; what falls into one step shares a timer."""


class Deadlines:
    """The tickets that are open. Used on the thread of the loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[Ticket], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._steps: dict[int, tuple[set[Ticket], asyncio.TimerHandle]] = {}

    def add(self, ticket: Ticket) -> None:
        """Have `expired` called for it when it is due."""
        number = _step(ticket)
        found = self._steps.get(number)
        if found is None:
            timer = self._loop.call_at(number * STEP_S, self._due, number)
            found = self._steps[number] = (set(), timer)
        found[0].add(ticket)

    def discard(self, ticket: Ticket) -> bool:
        """Forget a ticket; returns whether it was known."""
        number = _step(ticket)
        tickets, timer = self._steps.get(number, (None, None))
        if tickets is None or timer is None or ticket not in tickets:
            return False
        tickets.remove(ticket)
        if not tickets:
            timer.cancel()
            del self._steps[number]
        return True

    def open(self) -> list[Ticket]:
        """Return all that are known."""
        return [ticket for tickets, _ in self._steps.values() for ticket in tickets]

    def _due(self, number: int) -> None:
        for ticket in list(self._steps[number][0]):
            self._expired(ticket)


def _step(ticket: Ticket) -> int:
    return math.ceil(min(ticket.deadline, NEVER_S) / STEP_S)
