"""Exchanges, and what the engine knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lithops.serverless.http.connection import Connection
    from lithops.serverless.http.origin import Origin
    from lithops.types import HttpRequest, HttpResponse


class Exchange(Protocol):
    """One request and what becomes of it. Its methods are called on the engine's thread and must not wait."""

    deadline: float
    """`time.monotonic()` by which the whole response must be here; read once."""

    def request(self) -> HttpRequest:
        """Return what is to be sent. Called right before it is, and again for each repetition."""
        ...

    def answered(self, response: HttpResponse) -> None:
        """Take the response."""
        ...

    def failed(self, error: Exception, sent: bool) -> None:
        """Learn that there will be none: a `TransportError`, `ClosedError`, or whatever `request` raised.

        `sent` says whether the platform may have got the request.
        """
        ...


class Ticket:
    """An exchange on its way."""

    __slots__ = (
        "body",
        "bodyless",
        "connection",
        "deadline",
        "exchange",
        "head",
        "origin",
        "queued",
        "repeated",
        "sent",
    )

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.deadline = exchange.deadline
        self.queued = True
        """Whether nothing was done for it yet. Changed under the engine's lock: any thread may drop what is queued."""
        self.sent = False
        self.repeated = 0
        self.origin: Origin | None = None
        self.connection: Connection | None = None
        self.head = b""
        self.body = b""
        self.bodyless = False
