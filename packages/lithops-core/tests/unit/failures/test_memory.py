"""`runtime_memory`: calls that want more, leaks, and hosts that do not enforce the limit."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

import lithops
from lithops.errors import MemoryLimitError

Make = Callable[..., lithops.FunctionExecutor]


def take(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def keep(megabytes: int) -> int:
    """Leak memory into the worker."""
    kept: list[bytearray] = vars(lithops).setdefault("_kept_by_a_test", [])
    kept.append(bytearray(megabytes << 20))
    return os.getpid()


def size(text: str) -> int:
    return len(text)


@pytest.mark.needs("linux")
def test_a_call_that_wants_more_memory_than_allowed_fails_alone(make: Make) -> None:
    executor = make(2, runtime_memory=300)
    results = executor.get_result(executor.map(take, [1, 1000, 2, 100_000, 3]), throw_except=False)
    assert results[::2] == [1 << 20, 2 << 20, 3 << 20]
    for error in results[1::2]:
        assert isinstance(error, MemoryLimitError)
        assert str(error) == "the call wanted more memory than runtime_memory=300 MB allows"
        assert "in take" in str(error.__cause__)


@pytest.mark.needs("linux")
def test_a_worker_that_leaks_is_replaced_when_it_has_reached_the_limit(make: Make) -> None:
    executor = make(1, runtime_memory=300)
    results = executor.get_result(executor.map(keep, [90] * 9, chunksize=9), throw_except=False)
    failed = [r for r in results if isinstance(r, MemoryLimitError)]
    pids = [r for r in results if not isinstance(r, MemoryLimitError)]
    assert 1 <= len(failed) <= 4
    assert len(set(pids)) > 1  # what comes after a failure has a worker with its memory back
    assert executor.call_async(take, 100).result() == 100 << 20


def test_without_a_limit_nothing_is_limited(make: Make) -> None:
    assert make(1).call_async(take, 400).result() == 400 << 20


@pytest.mark.needs("linux")
def test_a_result_too_large_to_be_sent_under_the_limit_is_out_of_memory(make: Make) -> None:
    executor = make(1, runtime_memory=300)
    error = executor.call_async(lambda x: "x" * (170 << 20), 0).exception()
    assert isinstance(error, MemoryLimitError)
    assert executor.call_async(take, 1).result() == 1 << 20


@pytest.mark.needs("linux")
def test_an_argument_too_large_to_be_loaded_under_the_limit_is_out_of_memory(make: Make) -> None:
    executor = make(1, runtime_memory=200)
    results = executor.get_result(executor.map(size, ["x" * (300 << 20), "abc"]), throw_except=False)
    assert isinstance(results[0], MemoryLimitError)
    assert executor.call_async(take, 1).result() == 1 << 20
