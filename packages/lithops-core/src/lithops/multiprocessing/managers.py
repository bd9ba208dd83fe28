"""Managers: the standard library's, whose server is a process of this library, reached wherever proxies are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from multiprocessing import ProcessError
from multiprocessing import managers as standard
from multiprocessing.managers import BaseProxy as BaseProxy
from multiprocessing.managers import MakeProxyType as MakeProxyType  # type: ignore[attr-defined]  # not in typeshed
from multiprocessing.managers import Namespace as Namespace
from multiprocessing.managers import NamespaceProxy as NamespaceProxy  # type: ignore[attr-defined]  # nor this
from multiprocessing.managers import Token as Token
from multiprocessing.util import Finalize
from typing import Any

import lithops.multiprocessing
from lithops.multiprocessing import pool
from lithops.multiprocessing.listening import Address, Client, Listener, is_ours
from lithops.multiprocessing.pipes import Pipe

_OPEN_KEY = b"lithops"
"""The server is found by an address that only the processes of the program have; whoever has it may speak to it."""
_context: Any = lithops.multiprocessing


class _Transport(str):
    """The name under which the standard library finds how to reach a server; arriving makes it known there."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[..., _Transport], tuple[Any, ...]]:
        return transport, ()


def transport() -> _Transport:
    """Make our listeners and clients known to the standard library in this process."""
    standard.listener_client.setdefault("lithops", (Listener, _client))  # type: ignore[attr-defined]  # not in typeshed
    return _Transport("lithops")


def _client(address: Address, authkey: bytes | None = None) -> Any:
    return Client(address, authkey=_OPEN_KEY)


class BaseManager(standard.BaseManager):
    """Runs a server that keeps objects. `register` adds types of one's own.

    With an address of sockets it is the standard library's, for processes that can reach that.
    """

    def __init__(
        self,
        address: Any = None,
        authkey: bytes | None = None,
        serializer: str | None = None,
        ctx: Any = None,
        *,
        shutdown_timeout: float = 1.0,
    ) -> None:
        ours = is_ours(address, None) and serializer is None
        super().__init__(
            address,
            _OPEN_KEY if ours else authkey,
            transport() if ours else serializer or "pickle",
            ctx or _context,
            shutdown_timeout=shutdown_timeout,
        )

    def start(self, initializer: Callable[..., object] | None = None, initargs: Iterable[Any] = ()) -> None:
        """Start the server; raises `EOFError` if it ends before it serves, e.g. as the initializer raises."""
        state: Any = self._state  # type: ignore[attr-defined]  # none of these attributes is in typeshed
        if state.value != standard.State.INITIAL:  # type: ignore[attr-defined]
            raise ProcessError("a manager is started once; this one was started before, make a new one")
        if initializer is not None and not callable(initializer):
            raise TypeError(f"the initializer must be callable, found {initializer!r}")
        this: Any = self
        reader, writer = Pipe(duplex=False)
        server = this._process = this._ctx.Process(
            target=type(this)._run_server,
            args=(this._registry, this._address, bytes(this._authkey), this._serializer, writer, initializer, initargs),
            name=f"{type(self).__name__}-{this._ctx.Process().name.rpartition('-')[2]}",
        )
        server.start()
        writer.close()
        this._address = reader.recv()
        reader.close()
        state.value = standard.State.STARTED  # type: ignore[attr-defined]
        this.shutdown = Finalize(
            self,
            type(this)._finalize_manager,
            args=(server, this._address, this._authkey, state, this._Client, this._shutdown_timeout),
            exitpriority=0,
        )


class SyncManager(BaseManager, standard.SyncManager):
    """A manager of lists, dicts, namespaces, locks, queues and the like."""


SyncManager.register("Pool", pool.Pool, standard.PoolProxy)  # type: ignore[attr-defined]  # not in typeshed
