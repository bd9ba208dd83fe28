"""Requests as bytes. What could change the meaning of a request is refused here, before a connection is touched."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lithops.records import record
from lithops.serverless.http.addresses import is_address
from lithops.serverless.http.failures import failure

if TYPE_CHECKING:
    from lithops.errors import TransportError
    from lithops.types import HttpRequest

_VISIBLE = re.compile(r"[!-~]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_FILLED_IN = {"host", "content-length", "transfer-encoding"}


@record
class Target:
    """Where a URL leads."""

    secure: bool
    host: str
    port: int
    authority: str
    """Host, and port if it is not the usual one."""
    path: str
    """With the query."""


def target_of(url: str) -> Target:
    """Read a URL.

    Raises: TransportError, lasting, if it is none that can be sent to.
    """
    if not _VISIBLE.fullmatch(url):
        raise _bad_url(url, "it has characters that a URL cannot have; percent-encode them")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _bad_url(url, str(error)) from None
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad_url(url, "give https://host[:port]/path")
    if parts.username is not None:
        raise _bad_url(url, "it holds a user name; send credentials in a header")
    secure = parts.scheme == "https"
    if not secure and not _is_loopback(host):
        raise _bad_url(url, "what is sent to another machine must be encrypted; use https://")
    usual = 443 if secure else 80
    name = f"[{host}]" if ":" in host else host
    return Target(
        secure=secure,
        host=host,
        port=usual if port is None else port,
        authority=name if port in {None, usual} else f"{name}:{port}",
        path=f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
    )


def head_of(request: HttpRequest, target: Target) -> bytes:
    """Write everything that comes before the body.

    Raises: TransportError, lasting, for a method or header that would break the request or slip another one in.
    """
    if not _TOKEN.fullmatch(request.method):
        raise failure(f"{request.method!r}, asked of {target.authority}, is no HTTP method; use POST", lasting=True)
    lines = [f"{request.method} {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n"]
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise _bad_header(target, name, "is no name of a header")
        if name.lower() in _FILLED_IN:
            raise _bad_header(target, name, "is filled in by itself; leave it out")
        if not _VALUE.fullmatch(value):  # the value stays out of the message: it may be a credential
            raise _bad_header(target, name, "has a line break or another character that a header cannot have")
        lines.append(f"{name}: {value}\r\n")
    lines.append(f"Content-Length: {len(request.body)}\r\n\r\n")
    return "".join(lines).encode("latin-1")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def _bad_url(url: str, why: str) -> TransportError:
    shown = re.sub(r"//[^/]*@", "//...@", url.partition("?")[0])  # a query and a user name may hold credentials
    return failure(f"cannot send to the URL {shown!r}: {why}", lasting=True)


def _bad_header(target: Target, name: str, why: str) -> TransportError:
    return failure(f"cannot send to {target.authority}: the header {name!r} {why}", lasting=True)
