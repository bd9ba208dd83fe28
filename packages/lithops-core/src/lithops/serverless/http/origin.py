"""Where requests go: what waits for a connection there, and which connections are idle."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from lithops.serverless.http.reader import load_parser
from lithops.serverless.http.tls import Contexts
from lithops.serverless.http.wire import head_of, target_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from lithops.serverless.http.connection import Connection
    from lithops.serverless.http.ticket import Ticket
    from lithops.serverless.http.wire import Target
    from lithops.types import HttpRequest

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

REMEMBERED = 1024
"""URLs and origins that are remembered."""


ADDRESS_S = 30.0
"""How long an address is used without looking the host up again."""


class Origin:
    """Scheme, host, port and whom to trust: what a connection can be used again for."""

    def __init__(self, target: Target, trusted: ssl.SSLContext | None, parser: Callable[[object], Any]) -> None:
        self.host = target.host
        self.port = target.port
        self.name = target.authority
        self.trusted = trusted
        self.parser = parser
        self.idle: dict[Connection, None] = {}
        """In the order in which they became idle."""
        self.waiting: deque[Ticket] = deque()
        self.opening = 0
        """Connections on their way, each for whatever waits when it is there."""
        self._address = ""
        self._address_until = 0.0

    def addresses(self) -> list[str]:
        """Return where it was reached of late; nothing if it is to be looked up."""
        return [self._address] if time.monotonic() < self._address_until else []

    def reached(self, address: str) -> None:
        """Remember for a while where it is: looking it up, or trying other addresses first, takes longer."""
        if not self.addresses():
            self._address, self._address_until = address, time.monotonic() + ADDRESS_S

    def lost(self) -> None:
        """Look it up next time: it may have moved."""
        self._address_until = 0.0


class Origins:
    """The origins of an engine, made as requests name them."""

    def __init__(self) -> None:
        self._contexts = Contexts()
        self._targets: dict[str, Target] = {}
        self._origins: dict[tuple[bool, str, int, str | None], Origin] = {}
        self._parser: Callable[[object], Any] | None = None

    def address(self, ticket: Ticket, request: HttpRequest) -> None:
        """Write on a ticket what is to be sent, and where.

        Raises: TransportError, lasting, if it cannot be sent.
        """
        if self._parser is None:
            self._parser = load_parser()
        target = self._targets.get(request.url)
        if target is None:
            target = _remember(self._targets, request.url, target_of(request.url))
        ticket.head = head_of(request, target)
        ticket.body = request.body
        ticket.bodyless = request.method == "HEAD"
        key = (target.secure, target.host, target.port, request.ca_file if target.secure else None)
        origin = self._origins.get(key)
        if origin is None:
            trusted = self._contexts.of(request.ca_file) if target.secure else None
            origin = _remember(self._origins, key, Origin(target, trusted, self._parser))
        ticket.origin = origin


def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> _Value:
    """Add to a dict of bounded size; what is forgotten is made again when it is needed."""
    if len(known) >= REMEMBERED:
        known.clear()
    known[key] = value
    return value
