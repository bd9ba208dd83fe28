"""Finding out which of the objects that are waited for have come, with few requests."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from lithops.errors import BucketNotFound
from lithops.types import ListRequest

if TYPE_CHECKING:
    from lithops.storage.store import Store

PAGE = 1000
"""Keys that stores return for one request."""


def arrived(store: Store, bucket: str, prefix: str, awaited: Sequence[str]) -> list[str]:
    """Return those of the `awaited` keys, in byte order and all below `prefix`, under which there are objects.

    A request returns a page of keys in their order. What lies between two awaited keys was seen before, so a page is
    only asked for where one of its keys can be new: no request is made that cannot tell anything.
    """
    found: list[str] = []
    wanted = set(awaited)
    after = _before(awaited[0]) if awaited else None
    while after is not None:
        request = ListRequest(bucket=bucket, prefix=prefix, start_after=after)
        try:
            page = [meta.key for meta in islice(store.list_objects(request).objects, PAGE)]
        except BucketNotFound:  # nobody has written anything yet
            break
        found += (key for key in page if key in wanted)
        after = _next(awaited, page[-1]) if len(page) == PAGE else None
    return found


def _next(awaited: Sequence[str], seen: str) -> str | None:
    """Return what the next page begins after, None if nothing that is awaited comes after `seen`."""
    position = bisect_right(awaited, seen)
    return max(seen, _before(awaited[position])) if position < len(awaited) else None


def _before(key: str) -> str:
    """Return what only `key` and later keys come after, among keys of digits of one length."""
    head, digits = key[:-10], key[-10:]
    return f"{head}{int(digits) - 1:010d}" if int(digits) else head
