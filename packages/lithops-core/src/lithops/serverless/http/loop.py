"""The event loop of an engine: asyncio's own, with another way of looking hosts up."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any


class Loop(asyncio.SelectorEventLoop):
    """Looks hosts up on threads that nobody joins: a look-up cannot be stopped, and closing must not wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[tuple[Any, ...], asyncio.Future[list[Any]]] = {}
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
        """Return the addresses of a host; those who ask at the same time share one look-up."""
        asked = (host, port, family, type, proto, flags)
        found = self._asked.get(asked)
        if found is None:
            found = self._asked[asked] = self.create_future()
            threading.Thread(target=self._look_up, args=(asked,), name="lithops-dns", daemon=True).start()
        return await asyncio.shield(found)

    def _look_up(self, asked: tuple[Any, ...]) -> None:
        addresses, error = [], None
        try:
            addresses = socket.getaddrinfo(*asked)
        except Exception as caught:  # noqa: BLE001 - whatever it is, those who asked get it
            error = caught
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self.call_soon_threadsafe(self._settle, asked, addresses, error)

    def _settle(self, asked: tuple[Any, ...], addresses: list[Any], error: Exception | None) -> None:
        found = self._asked.pop(asked)
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)
            found.exception()  # seen, should nobody wait for it any more
