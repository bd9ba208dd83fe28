"""One connection: opened, secured, and then one exchange after the other."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from lithops.serverless.http.failures import broken_off, unreadable
from lithops.serverless.http.reader import Reader, UnreadableError

if TYPE_CHECKING:
    from lithops.serverless.http.origin import Origin
    from lithops.serverless.http.pool import Pool
    from lithops.serverless.http.ticket import Ticket
    from lithops.serverless.http.tls import Tls

PIECE = 256 * 1024
"""How much of a body is encrypted and handed to the network at once."""
STALE_S = 2.0
"""A server that closes so soon after a request was sent had closed before it saw it; later, it was at work on it."""

OPTIONS = [  # a call may take minutes without a byte on its connection, which is when gateways forget connections
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 45),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 45),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 15),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 30_000),
]
"""So that a peer that is gone is noticed within about 90 s; each system has some of them."""


class Connection(asyncio.BufferedProtocol):
    """A connection of an origin. It has a ticket from `send` until the response is there or the connection breaks."""

    def __init__(self, pool: Pool, origin: Origin, tls: Tls | None) -> None:
        self.origin = origin
        self.ticket: Ticket | None = None
        self.opened: asyncio.Future[None] = pool.loop.create_future()
        """Done once it can be used."""
        self._pool = pool
        self._reader = Reader(origin.parser)
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._served = 0
        self._sent_at = 0.0
        self._unsent = memoryview(b"")
        self._paused = False

    def send(self, ticket: Ticket) -> None:
        """Send a request; the connection must be idle."""
        self.ticket, ticket.connection, ticket.sent = ticket, self, True
        self._sent_at = self._pool.loop.time()
        self._reader.expect(bodyless=ticket.bodyless)
        head, body, ticket.head, ticket.body = ticket.head, ticket.body, b"", b""  # a repetition has them made anew
        if len(body) <= PIECE:
            self._write(head + body)
        else:
            self._write(head)
            self._unsent = memoryview(body)
            self._push()

    def abort(self) -> None:
        """Close at once; the ticket, if there is one, is no longer this connection's."""
        self.ticket = None
        if self._transport is not None:
            self._transport.abort()

    def is_closing(self) -> bool:
        """Return whether it is of no use any more."""
        return self._transport is None or self._transport.is_closing()

    # called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        link: socket.socket = transport.get_extra_info("socket")
        for level, name, value in OPTIONS:
            if (option := getattr(socket, name, None)) is not None:
                with suppress(OSError):  # it is lost already, which is noticed when it is used
                    link.setsockopt(level, option, value)
        if self._tls is None:
            self.opened.set_result(None)
        else:
            self._transport.write(self._tls.receive(b""))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Read into the buffer that all connections share: each empties it before the next one reads."""
        return self._pool.received

    def buffer_updated(self, nbytes: int) -> None:
        """Read what came in."""
        data = self._pool.received[:nbytes]
        try:
            if self._tls is None:
                self._feed(data)
            else:
                self._receive(self._tls, data)
        except UnreadableError as error:
            self._fail(unreadable(self.origin.name, str(error)))
        except ssl.SSLError as error:
            self._refuse(error)
        else:
            if self._reader.response is not None and self.ticket is not None:
                self._finish()

    def eof_received(self) -> bool:
        """See whether that ends a response; without TLS's own farewell it may be somebody else who cut it off."""
        assert self._transport is not None
        self._transport.abort()
        self._pool.discard(self)
        if self.ticket is not None and (self._tls is None or self._tls.closed):
            self._reader.end()
            if self._reader.response is not None:
                self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Have the request sent again if the server cannot have seen it, or tell that there is no answer."""
        self._pool.discard(self)
        self._fail_opening(exc or ConnectionResetError("it closed the connection during the handshake"))
        ticket = self.ticket
        if ticket is None:
            return
        soon = self._pool.loop.time() - self._sent_at < STALE_S
        if self._served and soon and not self._reader.begun and self._pool.repeat(ticket):
            self.ticket = None
        else:
            self._fail(broken_off(self.origin.name, exc, answering=self._reader.begun))

    def pause_writing(self) -> None:
        """Hold the rest of a body back."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with the body."""
        self._paused = False
        self._push()

    # the rest

    def _write(self, data: bytes | memoryview) -> None:
        assert self._transport is not None
        self._transport.write(data if self._tls is None else self._tls.encrypt(data))

    def _push(self) -> None:
        while self._unsent and not self._paused:
            piece, self._unsent = self._unsent[:PIECE], self._unsent[PIECE:]
            self._write(piece)

    def _receive(self, tls: Tls, data: memoryview) -> None:
        assert self._transport is not None
        if reply := tls.receive(data):
            self._transport.write(reply)
        if not self.opened.done() and tls.secured:
            self.opened.set_result(None)
        plain = self._pool.decrypted
        while count := tls.decrypt(plain):
            self._feed(plain[:count])
        if reply := tls.pending():
            self._transport.write(reply)
        if tls.closed:
            self.eof_received()

    def _feed(self, data: memoryview) -> None:
        if self.ticket is None:  # nothing was asked
            self._pool.discard(self)
            self.abort()
        else:
            self._reader.feed(data)

    def _finish(self) -> None:
        ticket, response = self.ticket, self._reader.response
        assert ticket is not None
        assert response is not None
        assert self._transport is not None
        self.ticket = ticket.connection = None
        self._served += 1
        reader = self._reader
        if reader.reusable and not reader.surplus and not self._unsent and not self._transport.is_closing():
            self._pool.release(self)
        else:
            self._pool.discard(self)
            self._transport.abort()  # not close, which would wait until the rest of the request is sent
        self._pool.owner.answered(ticket, response)

    def _refuse(self, error: ssl.SSLError) -> None:
        """Say over the line why nothing more is said."""
        assert self._transport is not None
        assert self._tls is not None
        self._transport.write(self._tls.pending())
        self._fail_opening(error)
        self._fail(broken_off(self.origin.name, error, answering=self._reader.begun))

    def _fail_opening(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # seen, should nobody wait for it any more

    def _fail(self, error: Exception) -> None:
        ticket = self.ticket
        self._pool.discard(self)
        self.abort()
        if ticket is not None:
            self._pool.owner.failed(ticket, error)
