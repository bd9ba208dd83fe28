"""Where hosts are."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress


class Addresses:
    """Looks hosts up on threads that nobody joins: a look-up cannot be stopped, and closing must not wait for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: dict[str, asyncio.Future[list[str]]] = {}

    async def of(self, host: str) -> list[str]:
        """Return the addresses of a host, the best first; those who ask at the same time share one look-up.

        Raises: OSError, if it cannot be found.
        """
        if is_address(host):
            return [host]
        found = self._asked.get(host)
        if found is None:
            found = self._asked[host] = self._loop.create_future()
            threading.Thread(target=self._look_up, args=(host,), name="lithops-dns", daemon=True).start()
        return await asyncio.shield(found)

    def _look_up(self, host: str) -> None:
        addresses: list[str] = []
        error: Exception | None = None
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        except Exception as caught:  # noqa: BLE001 - whatever it is, those who asked get it
            error = caught
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._settle, host, addresses, error)

    def _settle(self, host: str, addresses: list[str], error: Exception | None) -> None:
        found = self._asked.pop(host)
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)
            found.exception()  # seen, should nobody wait for it any more


def is_address(host: str) -> bool:
    """Return whether a host is named by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
