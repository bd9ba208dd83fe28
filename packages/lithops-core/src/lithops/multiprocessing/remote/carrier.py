"""The carrier in Redis, as one process has it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from lithops.errors import CarrierError
from lithops.multiprocessing.carrier import END, NOTHING, Carrier, Watch, new_key
from lithops.multiprocessing.remote import scripts
from lithops.multiprocessing.remote.lease import LEASE_S, Heart
from lithops.multiprocessing.remote.link import Link

if TYPE_CHECKING:
    from lithops.multiprocessing.remote.address import Address

_MANY = 500
_SUFFIXES = ("", ":n", ":r", ":w", ":p", ":hs", ":b")


class RedisCarrier:
    """See `Carrier`. Waiting is Redis's own: a blocked move of an item to who waits for it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._prefix = f"lithops:{{{address.namespace}}}:"
        self._begin()

    def _begin(self) -> None:
        """Be a process of its own, also after a fork."""
        self._pid = os.getpid()
        self._name = new_key()
        self._lock = threading.RLock()  # garbage may be collected, hence state removed, anywhere
        self._pool: Any = None
        self._free: list[Link] = []
        self._links = 0
        self._used: dict[str, None] = {}
        self._waiting: Counter[str] = Counter()
        self._heart: Heart | None = None
        self._beats = 0

    # --- lists

    def fill(self, key: str, tokens: int) -> None:
        self._run(scripts.FILL, [key], tokens)

    def take(self, key: str, timeout: float | None, *, refill: str | None = None) -> bytes | None:
        with self._link() as link:
            item = self._move(link, key, timeout)
            if item is not None:
                step = scripts.BACK if item == END else scripts.TAKEN
                link.tell(*self._script(step, [key, refill], link.holder))
        return item

    def borrow(self, key: str, timeout: float | None) -> bool:
        with self._link() as link:
            if self._move(link, key, timeout) is None:
                return False
            link.tell(*self._script(scripts.LENT, [key], link.holder, self._name))
        return True

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
        most = -1 if limit is None else limit
        given = self._run(scripts.GIVE, [key, held, tally], item, most, int(heard), self._present())
        if given < 0:
            raise BrokenPipeError("nobody reads the other end any more")
        return bool(given)

    def count(self, tally: str, by: int) -> bool:
        return bool(self._run(scripts.COUNT, [tally], by))

    def watch(self, key: str, timeout: float | None) -> bool:
        if timeout is not None and timeout <= 0:
            return self.size(key) > 0
        name = self._of(key)
        with self._link() as link, self._waits(key):
            return link.ask("BLMOVE", name, name, "LEFT", "LEFT", timeout or 0) is not None

    def watcher(self, key: str) -> Watch:
        link = self._open()
        name = self._of(key)
        link.begin("BLMOVE", name, name, "LEFT", "LEFT", 0)
        return _Watcher(link, self._waits(key))

    def size(self, key: str) -> int:
        return cast("int", self._ask("LLEN", self._of(key)))

    def remove(self, key: str, item: bytes) -> bool:
        return bool(self._ask("LREM", self._of(key), 1, item))

    def clear(self, key: str) -> None:
        self._ask("DEL", self._of(key))

    # --- blocks

    def read(self, key: str, start: int, size: int) -> bytes:
        if not size:  # the range would be all of it
            return b""
        found: bytes = self._ask("GETRANGE", f"{self._of(key)}:b", start, start + size - 1)
        return found.ljust(size, b"\0")

    def write(self, key: str, start: int, data: bytes) -> None:
        with self._link() as link:
            link.tell("SETRANGE", f"{self._of(key)}:b", start, data)
            link.ask("PEXPIRE", f"{self._of(key)}:b", self.address.ttl_ms)

    def map(self, key: str, size: int) -> memoryview | None:
        return None

    # --- ends

    def open_end(self, key: str, side: str, end: str, *, instead_of: str | None = None) -> None:
        self._run(scripts.OPEN, [key], side, f"{self._present()}/{end}", instead_of or "")

    def close_end(self, key: str, side: str, end: str) -> None:
        if os.getpid() == self._pid:
            with suppress(CarrierError):
                self._run(scripts.CLOSE, [key], side, end)
            self._used.pop(key, None)

    # --- the end of it

    def discard(self, *keys: str) -> None:
        if os.getpid() != self._pid or self._heart is None:  # not ours, or nothing of it was ever used
            return
        for key in keys:
            self._used.pop(key, None)
        with suppress(CarrierError), self._link() as link:
            link.tell("UNLINK", *(f"{self._prefix}{key}{suffix}" for key in keys for suffix in _SUFFIXES))

    def settle(self) -> None:
        if self._heart is not None and os.getpid() == self._pid:
            self._heart.stop()
            used = list(self._used)
            with suppress(CarrierError):
                self._ask("DEL", f"{self._prefix}o:{self._name}")
                for first in range(0, len(used), _MANY):
                    self._run(scripts.SETTLE, used[first : first + _MANY], self._name)
            self.close()

    def close(self) -> None:
        if self._heart is not None:
            self._heart.stop()
            with suppress(CarrierError):
                self._ask("DEL", f"{self._prefix}o:{self._name}")
            self._heart = None
        links, self._free = self._free, []
        for link in links:
            link.close()

    def remove_all(self) -> None:
        """Remove everything of the program, at its end."""
        if os.getpid() != self._pid:
            return
        with suppress(CarrierError), self._link() as link:
            cursor = b"0"
            while True:
                cursor, names = link.ask("SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", 1000)
                if names:
                    link.ask("UNLINK", *names)
                if cursor == b"0":
                    break
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Carrier], tuple[object, ...]]:
        from lithops.multiprocessing.reach import reach

        return reach, (RedisCarrier, self.address)

    # --- inside

    def _move(self, link: Link, key: str, timeout: float | None) -> bytes | None:
        """Move the first item of a list to where what is on its way over a connection is held."""
        name = self._of(key)
        held = f"{name}:h:{link.holder}"
        if key not in link.registered:
            link.registered.add(key)
            link.tell("SADD", f"{name}:hs", link.holder)
        item: bytes | None
        if timeout is not None and timeout <= 0:
            item = link.ask("LMOVE", name, held, "LEFT", "RIGHT")
            return item
        try:
            with self._waits(key):
                item = link.ask("BLMOVE", name, held, "LEFT", "RIGHT", timeout or 0)
        except CarrierError:
            raise
        except BaseException:  # interrupted: see to it that it gets nothing any more, and give back what it got
            with suppress(CarrierError), self._link() as other:
                other.ask("CLIENT", "UNBLOCK", link.number)
                other.ask(*self._script(scripts.BACK, [key], link.holder))
            raise
        return item

    def _run(self, script: str, keys: list[str | None] | list[str], *arguments: Any) -> Any:
        with self._link() as link:
            return link.ask(*self._script(script, keys, *arguments))

    def _script(self, script: str, keys: list[str | None] | list[str], *arguments: Any) -> tuple[Any, ...]:
        names = [self._of(key) if key is not None else "" for key in keys]
        lease = f"{self._prefix}o:"
        # The text, not its digest: a server that was told to forget scripts, or began anew, knows no digests.
        return "EVAL", script, len(names), *names, lease, self.address.ttl_ms, *arguments

    def _ask(self, *command: Any) -> Any:
        with self._link() as link:
            return link.ask(*command)

    def _of(self, key: str) -> str:
        self._used.setdefault(key)
        return self._prefix + key

    @contextmanager
    def _waits(self, key: str) -> Iterator[None]:
        """Have what dead processes hold of a list given back while somebody waits for it."""
        self._waiting[key] += 1
        try:
            yield
        finally:
            self._waiting[key] -= 1

    def _present(self) -> str:
        """Return the name of this process, once its lease is there."""
        if os.getpid() != self._pid:
            self._begin()
        with self._lock:
            if self._heart is None:
                self._connect()
                self._heart = Heart(self._beat)
            return self._name

    def _connect(self) -> None:
        try:
            import redis
        except ImportError as error:
            raise CarrierError(
                "lithops.multiprocessing needs redis-py to share state through Redis; pip install 'lithops-core[redis]'"
            ) from error
        # No read has a timeout, for waiting is Redis's; that its machine is gone is found by the kernel's probes.
        options = {
            "socket_connect_timeout": 30,
            **self.address.login(),
            "socket_timeout": None,
            "socket_keepalive": True,
        }
        self._pool = redis.Redis(**options, decode_responses=False).connection_pool
        self._free.append(self._open())

    def _open(self) -> Link:
        link = Link(self._pool.make_connection(), self.address.where)
        self._links += 1
        link.holder = f"{self._name}.{self._links}"
        return link

    def _beat(self) -> None:
        link = self._take_link()
        link.ask("SET", f"{self._prefix}o:{self._name}", "", "PX", int(LEASE_S * 1000))
        for key, waiting in list(self._waiting.items()):
            if waiting > 0:
                link.ask(*self._script(scripts.REAP, [key]))
            else:
                del self._waiting[key]
        self._beats += 1
        if self._beats % 60 == 0:
            for key in list(self._used):
                for suffix in _SUFFIXES:
                    link.ask("PEXPIRE", f"{self._prefix}{key}{suffix}", self.address.ttl_ms)
        self._free.append(link)

    @contextmanager
    def _link(self) -> Iterator[Link]:
        """Lend a connection that nobody else uses meanwhile."""
        self._present()
        link = self._take_link()
        yield link
        if not link.closed:
            self._free.append(link)

    def _take_link(self) -> Link:
        try:
            return self._free.pop()
        except IndexError:
            return self._open()


class _Watcher:
    """A connection that waits for a list to have an item."""

    def __init__(self, link: Link, waits: Any) -> None:
        self._link = link
        self._waits = waits
        waits.__enter__()

    def fileno(self) -> int:
        return self._link.fileno()

    def close(self) -> None:
        if not self._link.closed:
            self._link.close()
            self._waits.__exit__(None, None, None)
