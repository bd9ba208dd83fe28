"""The manager process: serves the processes of one program, and ends with the process that started it."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import pickle
import shutil
import signal
import socket
from collections.abc import Callable
from typing import Any, cast

from lithops.multiprocessing.local import wire
from lithops.multiprocessing.local.blocks import Blocks
from lithops.multiprocessing.local.store import Store, Waiter

_HELLO_S = 30.0
_NO_REPLY = object()


class Manager:
    """The state, and the processes that use it."""

    def __init__(self, key: bytes, memory: str) -> None:
        self.key = key
        self.store = Store(Blocks(memory).remove)
        self._clients: dict[str, Client] = {}

    def client(self, name: str) -> Client:
        """Return what is known of a process."""
        return self._clients.setdefault(name, Client(name))

    def settle(self, client: Client) -> None:
        """A process ends as it should: what it holds stays held by nobody."""
        self.store.forget(client.name)
        self.store.close_ends(client.name)

    def left(self, client: Client) -> None:
        """The last connection of a process has ended, hence the process."""
        self._clients.pop(client.name, None)
        client.unwatch()
        self.store.give_back(client.name)
        self.store.close_ends(client.name)


class Client:
    """A process: all its connections, and a descriptor that tells its death where the system has such a thing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.links: set[Link] = set()
        self._handle: int | None = None

    def watch(self, pid: int) -> None:
        """End its connections with the process: a child of its own may keep them open."""
        if self._handle is not None or not pid:
            return
        with contextlib.suppress(AttributeError, OSError):  # not Linux, or a process that is seen by another number
            self._handle = os.pidfd_open(pid)
            asyncio.get_running_loop().add_reader(self._handle, self._ended)

    def unwatch(self) -> None:
        """Close the descriptor."""
        if self._handle is not None:
            asyncio.get_running_loop().remove_reader(self._handle)
            os.close(self._handle)
            self._handle = None

    def _ended(self) -> None:
        self.unwatch()
        for link in list(self.links):
            link.abort()


class Link(asyncio.Protocol):
    """One connection. It carries one request at a time, so its thread's waiting is its own."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._store = manager.store
        self._client: Client | None = None
        self._buffer = bytearray()
        self._nonce = os.urandom(wire.NONCE_BYTES)
        self._waiter: Waiter | None = None
        self._lending: str | None = None  # of what the last request asked to hold one
        self._lent: str | None = None  # of what it was given one
        self._timer: asyncio.TimerHandle | None = None
        self._steps: dict[str, Callable[..., object]] = {
            "take": self._take,
            "borrow": self._borrow,
            "taken": self._taken,
            "watch": self._watch,
            "give": self._as_process(self._store.give),
            "enlist": self._as_process(self._store.enlist),
            "open_end": self._as_process(self._store.open_end),
            "settle": self._settle,
            "notify": self._store.notify,
            "leave": self._store.leave,
            "fill": self._store.fill,
            "count": self._store.count,
            "size": self._store.size,
            "clear": self._store.clear,
            "close_end": self._store.close_end,
            "discard": self._store.discard,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the key."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._nonce)
        self._timer = asyncio.get_running_loop().call_later(_HELLO_S, self.abort)

    def data_received(self, data: bytes) -> None:
        """Do what whole messages ask for."""
        buffer = self._buffer
        buffer += data
        head = wire.HEAD.size
        while len(buffer) >= head:
            end = head + wire.HEAD.unpack_from(buffer)[0]
            if self._client is None and end > head + 4096:
                self.abort()
                return
            if len(buffer) < end:
                return
            body = bytes(memoryview(buffer)[head:end])
            del buffer[:end]
            if self._client is None:
                self._greet(body)
            else:
                self._obey(pickle.loads(body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Take back what was on its way."""
        self._stop_waiting()
        client = self._client
        if client is None:
            return
        self._store.give_back(self)
        if self._lent is not None:  # whoever asked was interrupted before it heard of it
            self._store.give_back(client.name, self._lent)
        client.links.discard(self)
        if not client.links:
            self._manager.left(client)

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _greet(self, body: bytes) -> None:
        size = len(wire.proof(b"", b""))
        if not hmac.compare_digest(body[:size], wire.proof(self._manager.key, self._nonce)):
            self.abort()
            return
        self._stop_waiting()
        self._client = self._manager.client(body[size:].decode())
        self._client.links.add(self)
        sock = self._transport.get_extra_info("socket")
        if hasattr(socket, "SO_PEERCRED"):
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            self._client.watch(int.from_bytes(credentials[:4], "little"))

    def _obey(self, message: tuple[Any, ...]) -> None:
        step, wanted, *arguments = message
        self._stop_waiting()
        self._lending = self._lent = None
        reply = self._steps[step](*arguments)
        if wanted and reply is not _NO_REPLY:
            self._reply(reply)

    def _reply(self, reply: object) -> None:
        self._transport.write(wire.encode(reply))

    # --- steps that wait, or depend on who asks

    def _take(self, key: str, timeout: float | None, refill: str | None) -> object:
        return self._wait(key, timeout, self, refill)

    def _borrow(self, key: str, timeout: float | None) -> object:
        self._lending = key
        return self._wait(key, timeout, self._name)

    def _watch(self, key: str, timeout: float | None) -> object:
        return self._wait(key, timeout, None)

    def _taken(self) -> None:
        """The item of the last `take` has arrived."""
        self._store.forget(self)

    def _settle(self) -> None:
        assert self._client is not None
        self._manager.settle(self._client)

    def _as_process(self, step: Callable[..., object]) -> Callable[..., object]:
        """Return a step that wants to know which process takes it."""
        return lambda *arguments: step(self._name, *arguments)

    @property
    def _name(self) -> str:
        assert self._client is not None
        return self._client.name

    def _wait(self, key: str, timeout: float | None, holder: object, refill: str | None = None) -> object:
        waiter = Waiter(self._answer, holder, refill)
        if self._store.take(key, waiter, wait=timeout != 0):
            return _NO_REPLY
        if timeout == 0:
            return None
        self._waiter = waiter
        if timeout is not None:
            self._timer = asyncio.get_running_loop().call_later(timeout, self._time_is_up)
        return _NO_REPLY

    def _answer(self, reply: object) -> None:
        self._stop_waiting()
        self._lent = self._lending
        self._reply(reply)

    def _time_is_up(self) -> None:
        self._stop_waiting()
        self._reply(None)

    def _stop_waiting(self) -> None:
        if self._waiter is not None:
            self._waiter.gone = True
            self._waiter = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def main(listening: int, life: int, folders: tuple[str, ...]) -> None:
    """Serve on the socket `listening` until the other end of the socket `life` is gone, or its process is.

    Then remove the folders, the last of which has the blocks of bytes.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    try:
        asyncio.run(_serve(socket.socket(fileno=listening), socket.socket(fileno=life), folders[-1]))
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


async def _serve(listening: socket.socket, life: socket.socket, memory: str) -> None:
    loop = asyncio.get_running_loop()
    life.setblocking(False)
    key = b""
    while len(key) < wire.KEY_BYTES:
        more = await loop.sock_recv(life, wire.KEY_BYTES - len(key))
        if not more:
            return
        key += more
    manager = Manager(key, memory)
    server = await loop.create_server(lambda: Link(manager), sock=listening)
    over = asyncio.Event()
    loop.add_reader(life, over.set)
    with contextlib.suppress(AttributeError, OSError):
        loop.add_reader(os.pidfd_open(os.getppid()), over.set)
    await over.wait()
    server.close()
