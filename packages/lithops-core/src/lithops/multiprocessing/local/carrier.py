"""The carrier of this machine, as one process has it: connections to the manager process."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from lithops.errors import CarrierError
from lithops.multiprocessing.carrier import USE, Watch
from lithops.multiprocessing.linked import Linked, no_waiting
from lithops.multiprocessing.local.address import Address
from lithops.multiprocessing.local.blocks import Blocks
from lithops.multiprocessing.local.link import Link


class LocalCarrier(Linked[Address, Link]):
    """See `Carrier`."""

    def __init__(self, address: Address) -> None:
        self._blocks = Blocks(address.memory)
        super().__init__(address)

    def _begin(self) -> None:
        super()._begin()
        self._presence: Link | None = None  # open as long as the process is there

    # --- lists

    def take(self, key: str, timeout: float | None, *, refill: str | None = None) -> bytes | None:
        with self._link() as link:
            item: bytes | None = link.ask("take", key, no_waiting(timeout), refill)
            if item is not None:
                link.tell("taken")
        return item

    def borrow(self, key: str, timeout: float | None) -> bool:
        return self._do("borrow", key, no_waiting(timeout)) is not None

    def watch(self, key: str, timeout: float | None) -> bool:
        return self._do("watch", key, no_waiting(timeout)) is not None

    def watcher(self, key: str) -> Watch:
        self._present()
        link = self._open()
        link.begin("watch", key, None)
        return link

    # --- blocks

    def read(self, key: str, start: int, size: int) -> bytes:
        return self._blocks.map(key, start + size)[start : start + size]

    def write(self, key: str, start: int, data: bytes) -> None:
        self._blocks.map(key, start + len(data))[start : start + len(data)] = data

    def map(self, key: str, size: int) -> memoryview | None:
        return memoryview(self._blocks.map(key, size))

    # --- the end of it

    def close_end(self, key: str, side: str, end: str) -> None:
        if side == USE:
            self._blocks.forget(key)
        super().close_end(key, side, end)

    def discard(self, key: str) -> None:
        if self._of_this_process():
            self._blocks.remove(key)
        super().discard(key)

    def settle(self) -> None:
        if self._was_used():
            with suppress(CarrierError):
                self._do("settle")

    def close(self) -> None:
        super().close()
        if self._presence is not None:
            self._presence.close()
            self._presence = None

    # --- inside

    def _do(self, step: str, *arguments: object) -> Any:
        with self._link() as link:
            return link.ask(step, *arguments)

    @property
    def _is_there(self) -> bool:
        return self._presence is not None and not self._presence.closed

    def _appear(self) -> None:
        self._presence = self._open()

    def _open(self) -> Link:
        return Link(self.address, self._name)
