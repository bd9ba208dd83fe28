"""TLS between buffers of memory.

asyncio has TLS of its own, but there each connection keeps a buffer of 256 KiB, and a small request and its answer take
more time.
"""

from __future__ import annotations

import ssl

from lithops.serverless.http.failures import SHORT_OF_SOCKETS, failure


class Contexts:
    """Whom to trust, by the file that says so: reading one takes longer than a hundred requests."""

    def __init__(self) -> None:
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    def of(self, ca_file: str | None) -> ssl.SSLContext:
        """Return the context for a file; `None` stands for the system's certificates.

        Raises: TransportError, lasting, if it cannot be read.
        """
        context = self._contexts.get(ca_file)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=ca_file)
            except OSError as error:  # what SSLError is, too
                raise failure(
                    f"cannot read certificates from {ca_file!r}: {error.strerror or error}; "
                    f"`ca_file` must name a file of certificates in PEM",
                    lasting=error.errno not in SHORT_OF_SOCKETS,
                ) from error
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[ca_file] = context
        return context


class Tls:
    """One side of a TLS connection: what the network brought goes in, and what it is to carry comes out."""

    __slots__ = ("_incoming", "_outgoing", "_session", "closed", "secured")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.secured = False
        """Whether the handshake is over."""
        self.closed = False
        """Whether the other side has said that nothing more comes."""

    def receive(self, data: bytes | memoryview) -> bytes:
        """Take what came in; returns what is to be sent for it at once. Empty `data` begins the handshake.

        Raises: ssl.SSLError.
        """
        self._incoming.write(data)
        if not self.secured:
            try:
                self._session.do_handshake()
                self.secured = True
            except ssl.SSLWantReadError:
                pass
        return self.pending()

    def pending(self) -> bytes:
        """Return what is to be sent, e.g. the alert that tells of an error."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def decrypt(self, buffer: memoryview) -> int:
        """Write some of what was received into `buffer`; returns how much, 0 if no more is there.

        Raises: ssl.SSLError.
        """
        if not self.secured or not (self._incoming.pending or self._session.pending()):
            return 0
        try:
            count: int = self._session.read(len(buffer), buffer)  # type: ignore[assignment]
        except ssl.SSLWantReadError:
            return 0
        self.closed = not count
        return count

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return what carries `data`."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._session.write(rest) :]
        return self._outgoing.read()
