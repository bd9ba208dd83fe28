"""The event loop of an engine: asyncio's own, but it remembers for a while where hosts are."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

REMEMBERED_S = 30.0


class Loop(asyncio.SelectorEventLoop):
    """Looks hosts up on threads that nobody joins: a look-up cannot be stopped, and closing must not wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[object, ...], tuple[float, asyncio.Future[list[Any]]]] = {}
        self._stopped: asyncio.Future[None] = self.create_future()

    async def serve(self) -> None:
        """Run what the loop is given until `stop_serving`."""
        await self._stopped

    def stop_serving(self) -> None:
        """Have `serve` return."""
        self._stopped.set_result(None)

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """Return the addresses of a host, which those who ask at the same time share."""
        key = (host, port, family, type, proto, flags)
        until, found = self._known.get(key, (0.0, None))
        if found is None or until < self.time():
            found = self.create_future()
            self._known[key] = (self.time() + REMEMBERED_S, found)
            threading.Thread(target=self._look_up, args=(key, found), name="lithops-dns", daemon=True).start()
        return await asyncio.shield(found)

    def forget(self) -> None:
        """Look hosts up again when they are asked for next: they may have moved."""
        self._known = {key: known for key, known in self._known.items() if not known[1].done()}

    def _look_up(self, key: tuple[Any, ...], found: asyncio.Future[list[Any]]) -> None:
        error, addresses = None, []
        try:
            addresses = socket.getaddrinfo(*key)
        except Exception as caught:  # noqa: BLE001 - whatever it is, those who wait for the answer get it
            error = caught
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self.call_soon_threadsafe(self._settle, found, error, addresses)

    def _settle(self, found: asyncio.Future[list[Any]], error: Exception | None, addresses: list[Any]) -> None:
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)
            found.exception()  # seen: nobody may be waiting any more
            self.forget()
