"""Tests that reach for the network fail where that is asked for, and no others."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import asyncio, socket, sys, urllib.request
import pytest

def test_an_address(): socket.create_connection(("192.0.2.1", 80), timeout=5)
def test_another_family(): socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"", ("2001:db8::1", 9, 0, 0))
def test_a_datagram(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 9))
def test_a_name(): urllib.request.urlopen("http://example.invalid/", timeout=5)
def test_a_loop():
    async def reach():
        await asyncio.open_connection("192.0.2.1", 80)
    asyncio.run(reach())

def test_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
        socket.create_connection(server.getsockname()).close()

def test_no_matter_of_hosts():
    one, other = socket.socketpair()
    one.send(b"x"), one.close(), other.close()

@pytest.mark.network
def test_one_that_may():
    with socket.socket() as unused:
        sys.audit("socket.connect", unused, ("192.0.2.1", 80))  # what a connection would begin with
"""
REACHING = ["an_address", "another_family", "a_datagram", "a_name", "a_loop"]


@pytest.mark.parametrize("how", ["option", "setting"])
def test_what_leaves_this_machine_is_refused(pytester: pytest.Pytester, how: str) -> None:
    pytester.makepyfile(TESTS)
    if how == "setting":
        pytester.makeini("[pytest]\nloopback_only = true\n")
    result = pytester.runpytest_subprocess(*(["--loopback-only"] if how == "option" else []))
    result.assert_outcomes(passed=3, failed=5)
    text = result.stdout.str()
    assert all(f"FAILED test_what_leaves_this_machine_is_refused.py::test_{name}" in text for name in REACHING)
    for host in ("'192.0.2.1'", "'2001:db8::1'", "'example.invalid'"):
        assert f"NetworkReached: the test reaches for {host}, which is not on this machine" in text


def test_nothing_is_refused_unless_it_is_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import socket, sys

        def test_it():
            with socket.socket() as unused:
                sys.audit("socket.connect", unused, ("192.0.2.1", 80))  # what a connection would begin with
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
