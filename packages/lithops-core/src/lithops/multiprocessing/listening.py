"""Connections by address: a listener's address names a list, which clients put their end of a pipe into."""

from __future__ import annotations

import errno
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from lithops.multiprocessing import items
from lithops.multiprocessing.carrier import READ, WRITE, Carrier, new_key
from lithops.multiprocessing.choice import own
from lithops.multiprocessing.pipes import Connection, pipe

FAMILY = "lithops"
_SCHEME = "lithops:"
_of_sockets = connection.Client


class Address(str):
    """Text that begins with `lithops:`, and the carrier that has the list."""

    carrier: Carrier

    @classmethod
    def of(cls, text: str, carrier: Carrier) -> Address:
        """Return an address that arrives in other processes with their carrier."""
        made = cls(text)
        made.carrier = carrier
        return made

    def __reduce__(self) -> tuple[Callable[..., Address], tuple[Any, ...]]:
        return Address.of, (str(self), self.carrier)


class Listener(connection.Listener):
    """Accepts connections of other processes of this program, wherever they run.

    With an address or a family of sockets it is the standard library's, for processes that can reach it.
    """

    def __init__(
        self, address: Any = None, family: str | None = None, backlog: int = 1, authkey: bytes | None = None
    ) -> None:
        if not is_ours(address, family):
            super().__init__(address, family, backlog, authkey)
            return
        if authkey is not None and not isinstance(authkey, bytes):
            raise TypeError(f"authkey must be bytes, found {authkey!r}")
        self._listener: Any = _Inbox(address or _SCHEME + new_key())
        self._authkey = authkey


class _Inbox:
    """What the standard library's listener wants to have inside."""

    def __init__(self, address: str) -> None:
        self._carrier = own()
        self._address = Address.of(address, self._carrier)
        self._last_accepted = None
        self._name = new_key()
        if not self._carrier.give(f"{address}:taken", limit=1):
            raise OSError(errno.EADDRINUSE, f"address {address!r} is in use")
        self._carrier.open_end(address, READ, self._name)

    def accept(self) -> Connection:
        item = self._carrier.take(self._address, None)
        assert item is not None, "there is no timeout"
        arrived: Connection = items.loads(item)
        return arrived

    def close(self) -> None:
        self._carrier.open_end(self._address, WRITE, self._name)  # so that the list stays until it is empty
        self._carrier.close_end(self._address, READ, self._name)
        while (item := self._carrier.take(self._address, 0)) is not None:
            items.loads(item).close()  # whoever is still in line sees that nobody is here
        self._carrier.close_end(self._address, WRITE, self._name)
        self._carrier.clear(f"{self._address}:taken")


def Client(address: Any, family: str | None = None, authkey: bytes | None = None) -> Any:  # noqa: N802
    """Return a connection to the listener at an address; raises `ConnectionRefusedError` if there is none."""
    if not is_ours(address, family):
        return _of_sockets(address, family, authkey)
    if authkey is not None and not isinstance(authkey, bytes):
        raise TypeError(f"authkey must be bytes, found {authkey!r}")
    carrier = address.carrier if isinstance(address, Address) else own()
    ours, theirs = pipe(carrier)
    theirs.bequeath(address)
    try:
        carrier.give(address, items.dumps(theirs), heard=True)
    except BrokenPipeError as error:
        ours.close()
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at {address!r}") from error
    finally:
        theirs.close()
    if authkey is not None:
        connection.answer_challenge(ours, authkey)
        connection.deliver_challenge(ours, authkey)
    return ours


def is_ours(address: Any, family: str | None) -> bool:
    """Tell whether an address is of this family, not of sockets."""
    return family == FAMILY or (
        family is None and (address is None or (isinstance(address, str) and address.startswith(_SCHEME)))
    )
