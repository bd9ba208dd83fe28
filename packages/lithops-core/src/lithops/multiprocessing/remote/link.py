"""A connection to Redis: one command at a time, and commands whose answers nobody waits for."""

from __future__ import annotations

from typing import Any

from lithops.errors import CarrierError


class Link:
    """One connection of redis-py, used directly: a client on top would double what a command costs."""

    def __init__(self, connection: Any, where: str) -> None:
        """Connect; raises `CarrierError` if nobody answers or lets us in."""
        self._connection = connection
        self._where = where
        self._unread = 0
        self.closed = False
        self.holder = ""
        """Who holds what is on its way over this connection."""
        self.registered: set[str] = set()
        """Lists that know of this holder."""
        try:
            connection.connect()
            self.number: int = self.ask("CLIENT", "ID")
        except _errors() as error:
            raise self._gone(error) from error

    def ask(self, *command: Any) -> Any:
        """Send a command and return its answer."""
        try:
            self._connection.send_command(*command)
            return self.answer()
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
        self._unread += 1

    def begin(self, *command: Any) -> None:
        """Send a command whose answer makes `fileno` readable."""
        self._drain()
        self._connection.send_command(*command)

    def answer(self) -> Any:
        """Read the answer to the last command."""
        self._drain()
        return self._connection.read_response()

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        number: int = self._connection._sock.fileno()
        return number

    def close(self) -> None:
        """End the connection; idempotent."""
        if not self.closed:
            self.closed = True
            self._connection.disconnect()

    def _drain(self) -> None:
        while self._unread:
            self._connection.read_response()
            self._unread -= 1

    def _gone(self, error: BaseException) -> CarrierError:
        return CarrierError(
            f"Redis at {self._where} does not do what locks, queues and pipes need: {error}; see that it runs there, "
            "is of version 6.2 or newer, and that section 'redis' of the configuration says how to log in"
        )


def _errors() -> tuple[type[BaseException], ...]:
    from redis.exceptions import RedisError

    return RedisError, OSError
