"""How buckets, keys and metadata are written in requests."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from lithops.errors import StorageError


def path_of(bucket: str, key: str | None = None) -> str:
    """Return the path of a bucket or an object. Raises `StorageError` for names that UTF-8 cannot hold."""
    path = f"/buckets/{_quoted('bucket name', bucket)}"
    return path if key is None else f"{path}/objects/{_quoted('key', key)}"


def query_of(values: Mapping[str, str]) -> str:
    """Write names and values as a query string. Raises `StorageError` for those that UTF-8 cannot hold."""
    try:
        return urlencode(values)
    except UnicodeEncodeError as error:
        raise StorageError(f"{dict(values)!r} cannot be written as UTF-8: {error.reason}") from error


def values_of(query: str) -> dict[str, str]:
    """Read what `query_of` wrote."""
    return dict(parse_qsl(query, keep_blank_values=True))


def _quoted(what: str, text: str) -> str:
    try:
        return quote(text, safe="")  # with its slashes, so that nobody on the way makes a path of `..` and `//`
    except UnicodeEncodeError as error:
        raise StorageError(f"the {what} {text!r} cannot be written as UTF-8: {error.reason}") from error
