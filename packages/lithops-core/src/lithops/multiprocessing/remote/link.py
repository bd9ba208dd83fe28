"""A connection to Redis: one command at a time, and commands whose answers nobody waits for."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from typing import Any

from lithops.errors import CarrierError
from lithops.multiprocessing.remote.scripts import LOST


class Link:
    """One connection of redis-py, used directly: a client on top would double what a command costs."""

    def __init__(self, connection: Any, where: str, name: str) -> None:
        """Connect; raises `CarrierError` if nobody answers or lets us in."""
        self._connection = connection
        self._where = where
        self._unread = 0
        self.closed = False
        self.name = name
        """Names what is on its way over this connection, and the connection where Redis lists them."""
        self.has_taken = False
        """Whether anything ever was on its way over it."""
        self.lending = ""
        """The list of which one is about to be lent to the process."""
        self.lost = False
        """Whether Redis has said that it does not know this process any more."""
        try:
            connection.connect()
            self.number: int = self.ask("CLIENT", "ID")
            self.tell("CLIENT", "SETNAME", name)
        except _errors() as error:
            raise self._gone(error) from error

    def ask(self, *command: Any) -> Any:
        """Send a command and return its answer."""
        try:
            self._connection.send_command(*command)
            self.drain()
            return self._connection.read_response()
        except _errors() as error:
            self.close()
            raise self._gone(error) from error
        except BaseException:
            self.close()
            raise

    def tell(self, *command: Any) -> None:
        """Send a command; its answer is read before the next one's."""
        try:
            self._connection.send_command(*command)
        except _errors() as error:
            self.close()
            raise self._gone(error) from error
        except BaseException:
            self.close()  # half a command may be on its way
            raise
        self._unread += 1

    def begin(self, *command: Any) -> None:
        """Send a command whose answer makes `fileno` readable."""
        try:
            self.drain()
            self._connection.send_command(*command)
        except _errors() as error:
            self.close()
            raise self._gone(error) from error

    def drain(self) -> None:
        """Read the answers that nobody waits for."""
        while self._unread:
            self._unread -= 1
            self._connection.read_response()

    def is_cut(self) -> bool:
        """Tell whether the other end is known to be closed."""
        poll = select.poll()
        poll.register(self.fileno(), getattr(select, "POLLRDHUP", 0))  # POLLHUP is always told
        return bool(poll.poll(0))

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        number: int = self._connection._sock.fileno()
        return number

    def abort(self) -> None:
        """Have whoever waits for an answer wait no longer."""
        sock = self._connection._sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection; idempotent."""
        if not self.closed:
            self.closed = True
            self._connection.disconnect()

    def _gone(self, error: BaseException) -> CarrierError:
        if str(error).startswith(LOST):
            self.lost = True
            return CarrierError(lost(self._where))
        return CarrierError(
            f"Redis at {self._where} does not do what locks, queues and pipes need: {error}; see that it runs there, "
            "is of version 6.2 or newer, and that section 'redis' of the configuration says how to log in"
        )


def lost(where: str) -> str:
    """Return what is said when the state is not there any more."""
    return (
        f"what locks, queues and pipes kept in Redis at {where} is lost to this process: the program has ended, the "
        "server was restarted or emptied, or had not heard of this process for too long; start the program again"
    )


def _errors() -> tuple[type[BaseException], ...]:
    from redis.exceptions import RedisError

    return RedisError, OSError
