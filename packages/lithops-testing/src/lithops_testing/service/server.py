"""Listens, and stops listening when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithops.records import record
from lithops_testing.service.certificate import HOST, server_context
from lithops_testing.service.wire import Connection

if TYPE_CHECKING:
    from lithops_testing.service.service import Service, SomeSettings

BACKLOG = 4096


@record
class Address:
    """Where the service is and what a client needs to be let in."""

    endpoint: str
    token: str
    token_file: str
    """Holds the token, for programs that are not to be told it in their arguments or variables."""
    ca_file: str


async def serve(
    settings: SomeSettings,
    make: Callable[[SomeSettings, str, Path], Service[SomeSettings, Any]],
    ready: Callable[[Address], None],
    gone: Callable[[asyncio.Event], None] | None,
) -> None:
    """Serve until a signal, or until `gone` sets the event it is given.

    `make` is told whom to let in, by their token, and in which folder it may keep files.
    """
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    if gone is not None:
        gone(over)
    with tempfile.TemporaryDirectory(prefix="lithops-double-") as scratch:
        folder = Path(scratch)
        token = secrets.token_hex(16)
        token_file = folder / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(token)
        service = make(settings, token, folder)
        context, ca_file = server_context(folder)
        listener = Listener(service, context)
        await listener.open(settings.port)
        endpoint = f"https://{HOST}:{listener.port}"
        ready(Address(endpoint=endpoint, token=token, token_file=str(token_file), ca_file=ca_file))
        try:
            await over.wait()
        finally:
            listener.close()
            await service.empty()


class Listener:
    """The socket of the service and the connections that came over it."""

    def __init__(self, service: Service[Any, Any], context: ssl.SSLContext) -> None:
        self._service = service
        self._context = context
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        service.outage = self._refuse_for

    async def open(self, port: int) -> None:
        """Listen on a port; 0 is any."""
        await self._listen(_bound(port))

    def close(self) -> None:
        """Stop listening and cut all connections."""
        if self._server is not None:
            self._server.close()
        self._cut()

    def _cut(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    async def _listen(self, bound: socket.socket) -> None:
        self.port = bound.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._service, self._connections),
            sock=bound,
            ssl=self._context,
            backlog=BACKLOG,
        )

    def _refuse_for(self, seconds: float) -> None:
        """Keep the port, so that nobody else gets it, without listening on it."""
        bound = _bound(self.port)
        loop = asyncio.get_running_loop()
        if self._server is not None:
            self._server.close()
        loop.call_soon(self._cut)  # once this is answered
        loop.call_later(seconds, lambda: self._again(loop.create_task(self._listen(bound))))

    def _again(self, task: asyncio.Task[None]) -> None:
        self._opening = task  # held, as the loop holds tasks weakly


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((HOST, port))
    return made
