"""The standard `wait` and `as_completed`, for futures of any executors; those of ours are read at once."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Iterator
from typing import TypeVar

from lithops.concurrent.futures.future import Future

T = TypeVar("T")


def wait(
    fs: Iterable[concurrent.futures.Future[T]],
    timeout: float | None = None,
    return_when: str = concurrent.futures.ALL_COMPLETED,
) -> concurrent.futures._base.DoneAndNotDoneFutures[T]:
    """Wait until all futures are done, or the first, or the first that failed; return the sets `done` and `not_done`."""
    return concurrent.futures.wait(_attended(fs), timeout, return_when)


def as_completed(
    fs: Iterable[concurrent.futures.Future[T]], timeout: float | None = None
) -> Iterator[concurrent.futures.Future[T]]:
    """Yield futures as they end; `TimeoutError` when `timeout` seconds have passed before the last has."""
    return concurrent.futures.as_completed(_attended(fs), timeout)


def _attended(fs: Iterable[concurrent.futures.Future[T]]) -> set[concurrent.futures.Future[T]]:
    futures = set(fs)
    for feeder in {future.feeder for future in futures if isinstance(future, Future)} - {None}:
        assert feeder is not None
        feeder.attend()
    return futures
