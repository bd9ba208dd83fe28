"""What requests say, and how those that make no sense are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from lithops_testing.service.service import object_of
from lithops_testing.service.wire import json_answer

if TYPE_CHECKING:
    from lithops_testing.service.wire import Request

BUCKET_BYTES = 63
KEY_BYTES = 1024


class Refused(Exception):
    """A request cannot be done; `answer` says why."""

    def __init__(self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        told = {"X-Error": error, **(headers or {})}  # in the head as well: answers to HEAD have no body
        self.answer = json_answer(status, told, error=error, message=message)


def bucket_name(segment: str) -> str:
    """Read the name of a bucket from its segment of a path. Raises `Refused`."""
    return _text("bucket name", segment, BUCKET_BYTES)


def key_name(segment: str) -> str:
    """Read a key from its segment of a path. Raises `Refused`."""
    return _text("key", segment, KEY_BYTES)


def etag_of(request: Request) -> str | None:
    """Return the etag that is to be there, None if any may."""
    found = request.headers.get("if-match")
    return None if found is None else found.strip('"')


def json_of(request: Request) -> dict[str, Any]:
    """Read the JSON object that is the body. Raises `Refused`."""
    try:
        return object_of(request)
    except ValueError as error:
        raise Refused(400, "bad_request", str(error)) from None


def _text(what: str, segment: str, most: int) -> str:
    raw = unquote_to_bytes(segment)
    if not 1 <= len(raw) <= most:
        raise Refused(400, "bad_request", f"the {what} has {len(raw)} bytes; a {what} has 1 to {most} bytes of UTF-8")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, "bad_request", f"the {what} {raw!r} is no UTF-8: {error.reason}") from None
