"""Managers, on both carriers."""

from __future__ import annotations

from multiprocessing import ProcessError, TimeoutError
from typing import Any

import pytest

from lithops import FunctionExecutor
from lithops.multiprocessing import Manager, Process
from lithops.multiprocessing.managers import BaseManager

from .conftest import DEADLINE_S


class Counter:
    """A class of the program's own."""

    def __init__(self, start: int = 0) -> None:
        self.value = start

    def add(self, step: int) -> int:
        self.value += step
        return self.value

    def fail(self) -> None:
        raise ValueError("on purpose")


class CounterManager(BaseManager):
    """A manager of them."""


CounterManager.register("Counter", Counter)


def fill(numbers: Any, names: Any, space: Any, lock: Any, queue: Any) -> None:
    with lock:
        numbers.append(len(numbers))
        names[f"n{len(names)}"] = numbers[:]
        space.last = numbers[-1]
    queue.put("filled")


def test_proxies_reach_the_same_objects_from_processes_and_calls() -> None:
    with Manager() as manager:
        shared = manager.list([5]), manager.dict(), manager.Namespace(), manager.Lock(), manager.Queue()
        numbers, names, space, _, queue = shared
        process = Process(target=fill, args=shared)
        process.start()
        process.join(DEADLINE_S)
        assert process.exitcode == 0
        with FunctionExecutor(worker_processes=1) as fexec:
            fexec.call_async(fill, shared)
            fexec.get_result()
        assert numbers[:] == [5, 1, 2]
        assert names.copy() == {"n0": [5, 1], "n1": [5, 1, 2]}
        assert space.last == 2
        assert [queue.get(), queue.get()] == ["filled", "filled"]


def count(counter: Any) -> None:
    for _ in range(10):
        counter.add(2)


def test_own_types_are_kept_by_a_manager() -> None:
    with CounterManager() as manager:
        counter = manager.Counter(100)
        processes = [Process(target=count, args=(counter,)) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(DEADLINE_S)
        assert counter.add(0) == 140
        with pytest.raises(ValueError, match="on purpose"):
            counter.fail()


def test_proxies_hold_proxies() -> None:
    with Manager() as manager:
        inner = manager.list([1])
        outer = manager.list([inner])
        outer[0].append(2)
        assert inner[:] == [1, 2]


def test_barrier_and_pool_of_a_manager_work() -> None:
    with Manager() as manager:
        assert manager.Barrier(1).wait() == 0
        pool = manager.Pool(1)
        assert pool.map(abs, [-1, -2]) == [1, 2]
        result = pool.apply_async(abs, (-3,))
        assert result.get(timeout=DEADLINE_S) == 3
        with pytest.raises(TimeoutError):
            pool.apply_async(__import__("signal").pause).get(timeout=0.01)
        pool.terminate()


def fail_to_begin() -> None:
    raise RuntimeError("no")


def test_manager_that_cannot_begin_says_so() -> None:
    with pytest.raises(EOFError):
        CounterManager().start(fail_to_begin)
    with pytest.raises(TypeError, match="the initializer must be callable, found 5"):
        CounterManager().start(5)  # type: ignore[arg-type]


def test_manager_is_started_once() -> None:
    with CounterManager() as manager, pytest.raises(ProcessError, match="a manager is started once"):
        manager.start()


def test_manager_ends_with_its_shutdown() -> None:
    manager = CounterManager()
    manager.start()
    counter = manager.Counter()
    manager.shutdown()
    assert not manager._process.is_alive()
    with pytest.raises(ConnectionError):
        counter.add(1)
