"""Requests that would break, leak or mean something else are refused before a connection is touched."""

from __future__ import annotations

import pytest

from lithops.errors import TransportError
from lithops.serverless.http.engine import Engine
from lithops.serverless.http.wire import head_of, target_of
from lithops.types import HttpRequest

from .conftest import Call

URLS = {
    "https://host/a b": "'https://host/a b': it has characters that a URL cannot have; percent-encode them",
    "https://host/\r\nX: y": "'https://host/\\r\\nX: y': it has characters that a URL cannot have; percent-encode them",
    "https://h\u00f6st/": "'https://h\u00f6st/': it has characters that a URL cannot have; percent-encode them",
    "": "'': it has characters that a URL cannot have; percent-encode them",
    "ftp://host/": "'ftp://host/': give https://host[:port]/path",
    "host/path": "'host/path': give https://host[:port]/path",
    "https:///path": "'https:///path': give https://host[:port]/path",
    "https://host:port/": "'https://host:port/': Port could not be cast to integer value as 'port'",
    "https://[::1/": "'https://[::1/': Invalid IPv6 URL",
    "https://me:secret@host/?code=1": "'https://...@host/': it holds a user name; send credentials in a header",
    "http://example.org/?code=1": (
        "'http://example.org/': what is sent to another machine must be encrypted; use https://"
    ),
    "http://127.0.0.1.example.org/": (
        "'http://127.0.0.1.example.org/': what is sent to another machine must be encrypted; use https://"
    ),
}


@pytest.mark.parametrize("url", URLS)
def test_url_that_cannot_be_sent_to_is_refused_for_good(url: str) -> None:
    with pytest.raises(TransportError) as caught:
        target_of(url)
    assert str(caught.value) == f"cannot send to the URL {URLS[url]}"
    assert caught.value.lasting


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"], ids=["name", "address", "network", "IPv6"]
)
def test_this_machine_may_be_reached_without_encryption(host: str) -> None:
    target = target_of(f"http://{host}:8080/")
    assert (target.secure, target.port, target.authority) == (False, 8080, f"{host}:8080")


@pytest.mark.parametrize(
    ("url", "authority", "port", "path"),
    [
        ("https://Example.org", "example.org", 443, "/"),
        ("https://example.org:443/a?b=c#d", "example.org", 443, "/a?b=c"),
        ("https://example.org:8443?b", "example.org:8443", 8443, "/?b"),
        ("https://[2001:db8::1]/", "[2001:db8::1]", 443, "/"),
    ],
)
def test_url_is_taken_apart(url: str, authority: str, port: int, path: str) -> None:
    target = target_of(url)
    assert (target.authority, target.port, target.path) == (authority, port, path)


HEADERS = {
    ("X-A", "b\r\nX-C: d"): "'X-A' has a line break or another character that a header cannot have",
    ("X-A", "b\nX-C: d"): "'X-A' has a line break or another character that a header cannot have",
    ("X-A", "b\0"): "'X-A' has a line break or another character that a header cannot have",
    ("X-A", "\u20ac"): "'X-A' has a line break or another character that a header cannot have",
    ("X-A: b\r\nX-C", "d"): "'X-A: b\\r\\nX-C' is no name of a header",
    ("X A", "b"): "'X A' is no name of a header",
    ("", "b"): "'' is no name of a header",
    ("HOST", "other"): "'HOST' is filled in by itself; leave it out",
    ("content-length", "0"): "'content-length' is filled in by itself; leave it out",
    ("Transfer-Encoding", "chunked"): "'Transfer-Encoding' is filled in by itself; leave it out",
}


@pytest.mark.parametrize(("name", "value"), HEADERS)
def test_header_that_would_change_the_request_is_refused_for_good(name: str, value: str) -> None:
    with pytest.raises(TransportError) as caught:
        head_of(HttpRequest(url="https://host/", headers={name: value}), target_of("https://host/"))
    assert str(caught.value) == f"cannot send to host: the header {HEADERS[name, value]}"
    assert caught.value.lasting


def test_method_that_is_none_is_refused_for_good() -> None:
    with pytest.raises(TransportError) as caught:
        head_of(HttpRequest(url="https://host/", method="POST /other"), target_of("https://host/"))
    assert str(caught.value) == "'POST /other', asked of host, is no HTTP method; use POST"
    assert caught.value.lasting


def test_refused_request_fails_its_exchange_and_no_other(engine: Engine) -> None:
    calls = [Call("https://host/", headers={"X": "\n"}), Call("http://example.org/")]
    engine.send(calls)
    assert ["the header 'X'" in str(calls[0].error()), "use https://" in str(calls[1].error())] == [True, True]
    assert [call.sent for call in calls] == [False, False]


def test_value_of_a_refused_header_is_not_shown(engine: Engine) -> None:
    call = Call("https://host/", headers={"Authorization": "secret\n"})
    engine.send([call])
    assert "secret" not in str(call.error())
