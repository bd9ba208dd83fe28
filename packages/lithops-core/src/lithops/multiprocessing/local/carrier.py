"""The carrier of this machine, as one process has it: connections to the manager process, one per waiting thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from lithops.errors import CarrierError
from lithops.multiprocessing.carrier import NOTHING, Carrier, Watch, new_key
from lithops.multiprocessing.local.blocks import Blocks
from lithops.multiprocessing.local.link import Link

if TYPE_CHECKING:
    from lithops.multiprocessing.local.address import Address


class LocalCarrier:
    """See `Carrier`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._blocks = Blocks(address.memory)
        self._begin()

    def _begin(self) -> None:
        """Be a process of its own, also after a fork: to the manager, the child is somebody else."""
        self._pid = os.getpid()
        self._lock = threading.RLock()  # whoever had the old one may not exist in this process
        self._name = new_key()
        self._presence: Link | None = None  # open as long as the process is there
        self._free: list[Link] = []

    # --- lists

    def fill(self, key: str, tokens: int) -> None:
        self._ask("fill", key, tokens)

    def take(self, key: str, timeout: float | None, *, refill: str | None = None) -> bytes | None:
        with self._link() as link:
            item: bytes | None = link.ask("take", key, _from_now(timeout))
            if item is not None:
                link.tell("taken", refill)
        return item

    def borrow(self, key: str, timeout: float | None) -> bool:
        return self._ask("borrow", key, _from_now(timeout)) is not None

    def give(
        self,
        key: str,
        item: bytes = NOTHING,
        *,
        limit: int | None = None,
        held: str | None = None,
        tally: str | None = None,
        heard: bool = False,
    ) -> bool:
        given = self._ask("give", key, item, limit, held, tally, heard)
        if given is None:
            raise BrokenPipeError("nobody reads the other end any more")
        return bool(given)

    def count(self, tally: str, by: int) -> bool:
        return bool(self._ask("count", tally, by))

    def watch(self, key: str, timeout: float | None) -> bool:
        return self._ask("watch", key, _from_now(timeout)) is not None

    def watcher(self, key: str) -> Watch:
        link = Link(self.address, self._present())
        link.begin("watch", key, None)
        return link

    def size(self, key: str) -> int:
        return cast("int", self._ask("size", key))

    def remove(self, key: str, item: bytes) -> bool:
        return bool(self._ask("remove", key, item))

    def clear(self, key: str) -> None:
        self._ask("clear", key)

    # --- blocks

    def read(self, key: str, start: int, size: int) -> bytes:
        return self._blocks.map(key, start + size)[start : start + size]

    def write(self, key: str, start: int, data: bytes) -> None:
        self._blocks.map(key, start + len(data))[start : start + len(data)] = data

    def map(self, key: str, size: int) -> memoryview | None:
        return memoryview(self._blocks.map(key, size))

    # --- ends

    def open_end(self, key: str, side: str, end: str, *, instead_of: str | None = None) -> None:
        self._ask("open_end", key, side, end, instead_of)

    def close_end(self, key: str, side: str, end: str) -> None:
        if os.getpid() == self._pid:  # not one of the process that this one was forked from
            with suppress(CarrierError):
                self._ask("close_end", key, side, end)

    # --- the end of it

    def discard(self, *keys: str) -> None:
        if os.getpid() != self._pid:
            return
        for key in keys:
            self._blocks.forget(key)
        if self._presence is None:  # then nothing of it was ever used
            return
        with suppress(CarrierError), self._link() as link:
            link.tell("discard", *keys)

    def settle(self) -> None:
        if self._presence is not None and os.getpid() == self._pid:
            with suppress(CarrierError):
                self._ask("settle")

    def close(self) -> None:
        links, self._free = self._free, []
        if self._presence is not None:
            links.append(self._presence)
            self._presence = None
        for link in links:
            link.close()

    def __reduce__(self) -> tuple[Callable[..., Carrier], tuple[object, ...]]:
        from lithops.multiprocessing.reach import reach

        return reach, (LocalCarrier, self.address)

    # --- inside

    def _ask(self, step: str, *arguments: object) -> Any:
        with self._link() as link:
            return link.ask(step, *arguments)

    def _present(self) -> str:
        """Return the name of this process, once the manager knows that it is there."""
        if os.getpid() != self._pid:
            self._begin()
        with self._lock:
            if self._presence is None or self._presence.closed:
                self._presence = Link(self.address, self._name)
            return self._name

    @contextmanager
    def _link(self) -> Iterator[Link]:
        """Lend a connection that nobody else uses meanwhile."""
        link = None
        if os.getpid() == self._pid:
            with suppress(IndexError):
                link = self._free.pop()
        if link is None:
            link = Link(self.address, self._present())
        yield link
        if not link.closed:
            self._free.append(link)


def _from_now(timeout: float | None) -> float | None:
    """Return a timeout with what is below zero as no waiting at all."""
    return None if timeout is None else max(0.0, timeout)
