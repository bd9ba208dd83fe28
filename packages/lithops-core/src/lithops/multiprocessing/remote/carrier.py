"""The carrier in Redis, as one process has it."""

from __future__ import annotations

import itertools
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lithops.errors import CarrierError
from lithops.multiprocessing.carrier import END, Watch
from lithops.multiprocessing.linked import Linked, no_waiting
from lithops.multiprocessing.remote.address import Address
from lithops.multiprocessing.remote.lease import LEASE_S, Heart
from lithops.multiprocessing.remote.link import Link, lost
from lithops.multiprocessing.remote.scripts import STEPS

_MANY = 500


class RedisCarrier(Linked[Address, Link]):
    """See `Carrier`. Waiting is Redis's own: a blocked move of an item to who waits for it.

    A process is there as long as it says so now and then, or has its lasting connection: one that is too busy to say
    anything still has that, and one that lost it to the network makes a new one in time.
    """

    def __init__(self, address: Address) -> None:
        self._prefix = f"lithops:{{{address.namespace}}}:"
        super().__init__(address)

    def _begin(self) -> None:
        super()._begin()
        self._pool: Any = None
        self._numbers = itertools.count()
        self._all: weakref.WeakSet[Link] = weakref.WeakSet()
        self._presence: Link | None = None
        self._heart: Heart | None = None
        self._watches_from = 0.0  # when others have had time to come back, after the server was away
        self._refreshes_from = 0.0
        self._is_lost = False

    def found(self) -> None:
        """Begin the state of a program, in the process that starts it."""
        self._connect()
        link = self._open()
        link.ask(*self._command("found"))
        self._free.append(link)
        self._present()

    # --- lists

    def take(self, key: str, timeout: float | None, *, refill: str | None = None) -> bytes | None:
        with self._link() as link, self._given_back(link):
            item = self._move(link, key, timeout)
            if item == END:
                link.ask(*self._command("back", link.name, ""))
            elif refill is not None and item is not None:  # whoever knows of the item may count on the token
                link.ask(*self._command("taken", link.name, refill))
            elif item is not None:
                link.tell(*self._command("taken", link.name, ""))
        return item

    def borrow(self, key: str, timeout: float | None) -> bool:
        with self._link() as link, self._given_back(link):
            if self._move(link, key, timeout) is None:
                return False
            link.lending = key
            link.ask(*self._command("lent", link.name, key))
            link.lending = ""
        return True

    def watch(self, key: str, timeout: float | None) -> bool:
        timeout = no_waiting(timeout)
        if timeout == 0:
            return self.size(key) > 0
        name = self._list(key)
        with self._link() as link:
            return link.ask("BLMOVE", name, name, "LEFT", "LEFT", timeout or 0) is not None

    def watcher(self, key: str) -> Watch:
        self._present()
        link = self._open()
        name = self._list(key)
        link.begin("BLMOVE", name, name, "LEFT", "LEFT", 0)
        return link

    # --- blocks

    def read(self, key: str, start: int, size: int) -> bytes:
        if not size:  # the range would be all of it
            return b""
        found: bytes = self._do("read", key, start, start + size - 1)
        return found.ljust(size, b"\0")

    def write(self, key: str, start: int, data: bytes) -> None:
        self._do("write", key, start, data)

    # --- the end of it

    def settle(self) -> None:
        if self._was_used() and self._heart is not None:
            self._heart.stop()
            with suppress(CarrierError):
                idle, self._free = self._free, []
                for link in idle:  # Redis must not read of the end first
                    link.ask("PING")
                self._free += idle
                self._do("settle")
            self.close()

    def close(self) -> None:
        if self._heart is not None:
            self._heart.stop()
            self._heart = None
        super().close()
        if self._presence is not None:
            self._presence.close()
            self._presence = None

    def remove_all(self) -> None:
        """Remove everything of the program, at its end."""
        if self._was_used():
            with suppress(CarrierError), self._link() as link:
                for keys in self._keys(link):
                    link.ask(*self._command("raze", *keys))
                link.ask(*self._command("raze"))
            self.close()

    # --- inside

    def _move(self, link: Link, key: str, timeout: float | None) -> bytes | None:
        """Move the first item of a list to where what is on its way over a connection is held."""
        timeout = no_waiting(timeout)
        if not link.has_taken:
            link.tell("SADD", f"{self._prefix}of:{self._name}", f"l{link.name}")
            link.has_taken = True
        link.tell("SET", f"{self._prefix}from:{link.name}", key, "PX", self.address.ttl_ms)
        slot = f"{self._prefix}in:{link.name}"
        move, *until = ("LMOVE",) if timeout == 0 else ("BLMOVE", timeout or 0)
        item: bytes | None = link.ask(move, self._list(key), slot, "LEFT", "RIGHT", *until)
        return item

    @contextmanager
    def _given_back(self, link: Link) -> Iterator[None]:
        """See to it that who is interrupted gets nothing any more, and give back what it got."""
        try:
            yield
        except CarrierError:
            raise
        except BaseException:
            with suppress(CarrierError), self._link() as other:
                other.ask("CLIENT", "UNBLOCK", link.number)
                other.ask(*self._command("back", link.name, link.lending))
            raise

    def _do(self, step: str, *arguments: object) -> Any:
        with self._link() as link:
            return link.ask(*self._command(step, *arguments))

    def _command(self, step: str, *arguments: object) -> tuple[Any, ...]:
        # The text, not its digest: a server that was told to forget scripts, or began anew, knows no digests.
        plain = (argument if type(argument) in (bytes, str) else _plain(argument) for argument in arguments)
        return "EVAL", STEPS[step], 1, self._prefix, self.address.ttl_ms, self._name, *plain

    def _list(self, key: str) -> str:
        return f"{self._prefix}k:{key}"

    def _keys(self, link: Link) -> Iterator[list[bytes]]:
        """Yield the keys of all there is, many at a time."""
        cursor = b"0"
        while True:
            cursor, keys = link.ask("SSCAN", f"{self._prefix}all", cursor, "COUNT", _MANY)
            if keys:
                yield keys
            if cursor == b"0":
                return

    # --- connections

    @contextmanager
    def _link(self) -> Iterator[Link]:
        if self._of_this_process():
            if self._is_lost:
                raise CarrierError(lost(self.address.where))
            with suppress(IndexError):
                while self._free[-1].is_cut():  # the server was restarted, say
                    self._free.pop().close()
        try:
            with super()._link() as link:
                yield link
        except CarrierError as error:
            for idle in self._free[:]:  # no better than the one that failed
                idle.close()
            self._free.clear()
            if self._is_lost:
                raise CarrierError(lost(self.address.where)) from error
            raise

    def _open(self) -> Link:
        link = Link(self._pool.make_connection(), self.address.where, f"{self._name}.{next(self._numbers)}")
        self._all.add(link)
        return link

    def _connect(self) -> None:
        if self._pool is not None:
            return
        try:
            import redis
        except ImportError as error:
            raise CarrierError(
                "lithops.multiprocessing needs redis-py to share state through Redis; pip install 'lithops-core[redis]'"
            ) from error
        # No read has a timeout, for waiting is Redis's; that its machine is gone is found by the kernel's probes.
        options = {**self.address.login(), "socket_timeout": None, "socket_keepalive": True}
        self._pool = redis.Redis(**options, decode_responses=False).connection_pool

    def _leave_to_parent(self) -> None:
        # All of them: with one that is open here, the parent would not be seen to have ended.
        for link in list(self._all):
            link.close()

    # --- being there

    @property
    def _is_there(self) -> bool:
        return self._heart is not None

    def _appear(self) -> None:
        self._connect()
        self._heart = Heart(self._beat)

    def _beat(self) -> None:
        """Say over the lasting connection that this process is there, and see which others are not."""
        first, now = self._heart is None, time.monotonic()
        if self._presence is None or self._presence.closed:
            self._presence = self._open()
            self._presence.ask("CLIENT", "LIST", "ID", self._presence.number)  # says so if it is not allowed
            self._watches_from = now + LEASE_S
        link = self._presence
        try:
            silent = link.ask(*self._command("beat", int(LEASE_S * 1000), link.number, first))
        except CarrierError:
            if link.lost:
                self._lose()
            raise
        if silent and now >= self._watches_from:
            self._look_after(link, dict(zip(silent[::2], silent[1::2], strict=True)))
        if now >= self._refreshes_from:
            self._refreshes_from = now + self.address.ttl_ms / 3000
            if link.ask("SET", f"{self._prefix}turn", "", "NX", "PX", self.address.ttl_ms // 3):
                for keys in self._keys(link):
                    link.ask(*self._command("refresh", *keys))

    def _look_after(self, link: Link, silent: dict[bytes, bytes]) -> None:
        """Bury the processes, given with the numbers of their connections, that have none any more."""
        listed: bytes = link.ask("CLIENT", "LIST", "ID", *silent.values())
        open_now = {(fields[b"id"], fields[b"name"].partition(b".")[0]) for fields in map(_fields, listed.splitlines())}
        for name, number in silent.items():
            step = "excuse" if (number, name) in open_now else "bury"
            link.ask(*self._command(step, name, number))

    def _lose(self) -> None:
        """Have everybody see that there is nothing to wait for."""
        self._is_lost = True
        if self._heart is not None:
            self._heart.stop()
        for link in list(self._all):
            link.abort()


def _fields(line: bytes) -> dict[bytes, bytes]:
    """Return what Redis says of a connection."""
    return dict(pair.split(b"=", 1) for pair in line.split() if b"=" in pair)


def _plain(value: object) -> object:
    """Return an argument as scripts want it."""
    if value is None:
        return ""
    return int(value) if isinstance(value, bool) else value
