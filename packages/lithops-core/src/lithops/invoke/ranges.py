"""Ranges of calls: cut, joined, and without what is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lithops.types import CallRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lithops.jobs.job import Job

T = TypeVar("T")


def split(part: CallRange, size: int | None) -> Iterator[CallRange]:
    """Cut a range into pieces of at most `size` calls; None leaves it whole."""
    if size is None or part.count <= size:
        yield part
        return
    for first in range(part.first, part.first + part.count, size):
        yield CallRange(first=first, count=min(size, part.first + part.count - first), attempt=part.attempt)


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most `size` items."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def merged(parts: Iterable[CallRange]) -> Iterator[CallRange]:
    """Join ranges that follow each other and are at the same attempt."""
    held: CallRange | None = None
    for part in parts:
        if held is not None and held.first + held.count == part.first and held.attempt == part.attempt:
            held = CallRange(first=held.first, count=held.count + part.count, attempt=held.attempt)
            continue
        if held is not None:
            yield held
        held = part
    if held is not None:
        yield held


def remaining(job: Job, ranges: Iterable[CallRange]) -> list[CallRange]:
    """Leave out what was cancelled meanwhile."""
    calls = (
        CallRange(first=c, count=1, attempt=part.attempt)
        for part in ranges
        for c in range(part.first, part.first + part.count)
        if not job.table.is_over(c)
    )
    return list(merged(calls))
