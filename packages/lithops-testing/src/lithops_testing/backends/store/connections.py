"""Connections that are kept: each thread has its own, and a process that was forked makes new ones."""

from __future__ import annotations

import http.client
import os
import ssl
import threading
from functools import cached_property
from urllib.parse import urlsplit

from lithops.errors import StorageError

TIMEOUT_S = 30.0


class Connection(http.client.HTTPSConnection):
    """One connection; it is closed when its thread, or whoever reads from it, lets go of it."""

    def __del__(self) -> None:
        self.close()


class _Idle(threading.local):
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.connections: list[Connection] = []


class Connections:
    """Those to one store. One is taken for each request, and given back when the answer was read to its end."""

    def __init__(self, endpoint: str, ca_file: str | None) -> None:
        self._place = urlsplit(endpoint)
        self._ca_file = ca_file
        self._idle = _Idle()

    def take(self) -> tuple[Connection, bool]:
        """Return a connection, and whether it was kept: then the store may have closed it meanwhile."""
        kept = self._kept()
        return (kept.pop(), True) if kept else (self.fresh(), False)

    def fresh(self) -> Connection:
        """Return a new connection, which opens itself when it is used."""
        return Connection(str(self._place.hostname), self._place.port, timeout=TIMEOUT_S, context=self._context)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for this thread's next request."""
        self._kept().append(connection)

    def _kept(self) -> list[Connection]:
        idle = self._idle
        if idle.pid != os.getpid():
            # the parent goes on with these: this process lets go of its descriptors, which says nothing to the store
            idle.pid, idle.connections = os.getpid(), []
        return idle.connections

    @cached_property
    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise StorageError(
                f"the certificates to trust cannot be read from {self._ca_file!r}: {error}; set `ca_file` of section "
                "'store_double' to a file (PEM) that is there, on workers as well"
            ) from error
