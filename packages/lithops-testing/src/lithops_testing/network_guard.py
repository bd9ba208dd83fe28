"""A pytest plugin: tests that reach for the network fail, instead of depending on it.

    [pytest]
    loopback_only = true

or `pytest --loopback-only`, or `@pytest.mark.network` for a test that may reach out all the same. What is refused raises
`NetworkReached` where it was tried, whatever library tried it in this process: addresses other than loopback, and
looking up names other than `localhost`. Processes that a test starts are not watched.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_WATCHED = frozenset(
    {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
)
_LOCAL_NAMES = frozenset({"", "localhost", "ip6-localhost"})


class NetworkReached(Exception):
    """A test has reached for something that is not on this machine."""


class NetworkGuard:
    """Refuses what leaves this machine while it is `closed`. An audit hook cannot be removed, so there is one."""

    def __init__(self) -> None:
        self.closed = False
        self._installed = False

    def close(self) -> None:
        """Refuse from now on."""
        if not self._installed:
            self._installed = True
            sys.addaudithook(self._hear)
        self.closed = True

    def open(self) -> None:
        """Refuse nothing."""
        self.closed = False

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.closed or event not in _WATCHED:
            return
        host = _host_of(event, arguments)
        if host is not None and not _is_here(host):
            raise NetworkReached(
                f"the test reaches for {host!r}, which is not on this machine; use a server of its own on loopback, or "
                "mark it @pytest.mark.network"
            )


def _host_of(event: str, arguments: tuple[object, ...]) -> object:
    """Return what is to be reached, None if that is no matter of hosts."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return arguments[0]
    maker, address = arguments[0], arguments[-1]
    family = getattr(maker, "family", None)
    if family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple) or not address:
        return None
    return address[0]


def _is_here(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name.lower() in _LOCAL_NAMES
    return address.is_loopback or address.is_unspecified


_guard = NetworkGuard()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch and its setting."""
    what = "tests may reach nothing but this machine, unless they are marked `network`"
    parser.addini("loopback_only", what, type="bool", default=False)
    parser.getgroup("lithops").addoption("--loopback-only", action="store_true", help=what)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "network: may reach other machines, though others may not (--loopback-only)")


@pytest.fixture(autouse=True)
def _network_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Watch over the test, if that is asked for."""
    config = request.config
    asked = config.getoption("--loopback-only") or config.getini("loopback_only")
    if not asked or request.node.get_closest_marker("network") is not None:
        yield
        return
    _guard.close()
    try:
        yield
    finally:
        _guard.open()
