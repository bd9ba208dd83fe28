"""A drop-in for the standard module `concurrent.futures` whose calls run wherever lithops runs them.

from lithops.concurrent.futures import ProcessPoolExecutor

with ProcessPoolExecutor() as executor:
    print(executor.submit(pow, 2, 8).result())
"""

from __future__ import annotations

from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    BrokenExecutor,
    CancelledError,
    InvalidStateError,
    TimeoutError,
    as_completed,
    wait,
)

from lithops.concurrent.futures.executor import Executor
from lithops.concurrent.futures.future import Future
from lithops.concurrent.futures.pools import ProcessPoolExecutor, ThreadPoolExecutor

__all__ = (
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BrokenExecutor",
    "CancelledError",
    "Executor",
    "Future",
    "InvalidStateError",
    "ProcessPoolExecutor",
    "ThreadPoolExecutor",
    "TimeoutError",
    "as_completed",
    "wait",
)
