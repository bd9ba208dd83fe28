"""Where in Redis the state of a program is, as it travels to its processes."""

from __future__ import annotations

from typing import Any, NamedTuple

from lithops.errors import CarrierError


def where(options: dict[str, Any]) -> str:
    """Return how errors name the server."""
    return str(options.get("unix_socket_path") or f"{options.get('host')}:{options.get('port')}")


class Address(NamedTuple):
    """A server and a namespace. It has the password only where the user said that it may travel."""

    namespace: str
    options: tuple[tuple[str, Any], ...]
    """Arguments of `redis.Redis`."""
    locked: bool
    """The server wants a password, which is not among the options."""
    ttl_ms: int

    def __repr__(self) -> str:
        return f"Address({self.namespace!r}, {self.where!r})"

    @property
    def where(self) -> str:
        """Which server that is."""
        return where(dict(self.options))

    def login(self) -> dict[str, Any]:
        """Return arguments of `redis.Redis`, with the password from this process's own configuration.

        Raises `CarrierError` if that has none for this server.
        """
        options = dict(self.options)
        if not self.locked:
            return options
        from lithops.multiprocessing import config

        section = config.redis_section()
        if section is not None and section.password is not None and where(section.options(secret=False)) == self.where:
            return section.options(secret=True)
        raise CarrierError(
            f"Redis at {self.where} wants a password, which this process does not have: give its machine a "
            "configuration with the section 'redis', or set `ship_credentials: true` there to send it along"
        )
