"""`lithops.concurrent.futures`: what becomes of calls that are submitted, and of what they are given."""

from __future__ import annotations

import concurrent.futures
import pickle
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lithops import FunctionExecutor
from lithops.concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from lithops.errors import (
    BadCallError,
    FunctionLoadError,
    ResultPickleError,
)

from .conftest import DEADLINE_S

if TYPE_CHECKING:
    pass


class Unwilling:
    """Cannot be pickled."""

    def __reduce__(self) -> str:
        raise pickle.PicklingError("not me")


class Counter:
    count = 0

    def up(self) -> int:
        self.count += 1
        return self.count


def given(*args: object, **kwargs: object) -> tuple[object, ...]:
    return args, kwargs


def reserved(id: object, storage: object, obj: object = None) -> tuple[object, ...]:
    return id, storage, obj


def append(items: list[int]) -> list[int]:
    items.append(len(items))
    return items


def double_in_place(array: Any) -> Any:
    array *= 2
    return array


def divide(a: int, b: int) -> float:
    return a / b


def turn(_argument: object = None) -> int:
    """Return how many calls of this were made in this process before."""
    import builtins

    count: int = getattr(builtins, "turns", 0)
    builtins.turns = count + 1  # type: ignore[attr-defined]
    return count


def other_turn() -> int:
    import builtins

    count: int = getattr(builtins, "turns", 0)
    builtins.turns = count + 1  # type: ignore[attr-defined]
    return count


@pytest.fixture(scope="module")
def executor(fexec: FunctionExecutor) -> Executor:
    return Executor(fexec)


@pytest.fixture
def one(own_state: None) -> Iterator[Executor]:
    """An executor of one worker."""
    with ProcessPoolExecutor(1) as executor:
        yield executor


# --- arguments and results


def test_a_call_gets_its_arguments_whatever_their_names(executor: Executor) -> None:
    assert executor.submit(given, 1, "two", self=3, fn=4, timeout=5).result() == (
        (1, "two"),
        {"self": 3, "fn": 4, "timeout": 5},
    )
    assert executor.submit(given).result() == ((), {})
    assert executor.submit(given, b"bytes").result() == ((b"bytes",), {})
    assert executor.submit(given, (1, 2)).result() == (((1, 2),), {})
    assert executor.submit(given, {"a": 1}).result() == (({"a": 1},), {})


def test_no_parameter_has_a_meaning_of_its_own(executor: Executor) -> None:
    assert executor.submit(reserved, 1, 2).result() == (1, 2, None)
    assert executor.submit(reserved, 1, storage=2, obj=3).result() == (1, 2, 3)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'storage'"):
        executor.submit(reserved, 1).result()


@pytest.mark.parametrize(
    ("function", "args", "result"),
    [
        (pow, (2, 8), 256),
        ("a-b".split, ("-",), ["a", "b"]),
        (Counter, (), None),
        (lambda x: x, (None,), None),
        (np.sum, ([1, 2],), 3),
    ],
)
def test_anything_that_can_be_called_is(executor: Executor, function: Any, args: Any, result: object) -> None:
    found = executor.submit(function, *args).result()
    assert (None if isinstance(found, Counter) else found) == result


def test_no_call_sees_what_another_did_to_its_arguments(one: Executor) -> None:
    items: list[int] = []
    array = np.ones(4)
    assert [future.result() for future in [one.submit(append, items) for _ in range(20)]] == [[0]] * 20
    assert [sum(future.result()) for future in [one.submit(double_in_place, array) for _ in range(20)]] == [8] * 20


def test_no_call_of_a_method_sees_what_another_did_to_its_object(one: Executor) -> None:
    counter = Counter()
    assert [future.result() for future in [one.submit(counter.up) for _ in range(20)]] == [1] * 20


def test_a_large_array_arrives_writable_in_each_call(executor: Executor) -> None:
    array = np.ones(100_000)
    results = [future.result() for future in [executor.submit(double_in_place, array) for _ in range(4)]]
    assert [float(result.sum()) for result in results] == [200_000.0] * 4
    assert float(array.sum()) == 100_000.0


def test_an_exception_is_of_its_own_type_and_tells_where_it_was_raised(executor: Executor) -> None:
    error = executor.submit(divide, 1, 0).exception()
    assert type(error) is ZeroDivisionError
    assert "in divide" in str(error.__cause__)


def test_what_cannot_be_pickled_fails_its_own_call_only(executor: Executor) -> None:
    bad, good = executor.submit(given, Unwilling()), executor.submit(given, 1)
    with pytest.raises(
        pickle.PicklingError, match=r"argument 0 in the call of 'given' cannot be pickled: .*Unwilling' \(not me\)"
    ) as info:
        bad.result()
    assert isinstance(info.value, BadCallError)
    assert good.result() == ((1,), {})


def test_a_function_that_cannot_be_pickled_fails_its_calls(executor: Executor) -> None:
    lock = threading.Lock()
    futures = [executor.submit(lambda x: (lock, x), i) for i in range(3)]
    for future in futures:
        with pytest.raises(BadCallError, match="closure variable 'lock' is of type '_thread.lock'"):
            future.result()


def test_a_result_that_cannot_be_pickled_is_an_error_of_both_kinds(executor: Executor) -> None:
    with pytest.raises(pickle.PicklingError, match="'Unwilling' cannot be pickled: not me") as info:
        executor.submit(Unwilling).result()
    assert isinstance(info.value, ResultPickleError)


def test_arguments_that_cannot_be_loaded_fail_the_call(executor: Executor) -> None:
    class Odd:
        def __reduce__(self) -> tuple[Any, ...]:
            return divide, (1, 0)

    with pytest.raises(
        FunctionLoadError, match="cannot load the arguments: ZeroDivisionError: division by zero"
    ) as info:
        executor.submit(given, Odd()).result()
    assert isinstance(info.value, BrokenProcessPool)


def test_results_are_not_kept(executor: Executor) -> None:
    for result in executor.map(lambda _: Counter(), range(10)):
        kept = weakref.ref(result)
        del result
        assert kept() is None


def test_arguments_are_not_kept(executor: Executor) -> None:
    gone = threading.Event()
    counter = Counter()
    weakref.finalize(counter, gone.set)
    executor.submit(counter.up)
    del counter
    assert gone.wait(DEADLINE_S)


# --- in which order, in how many jobs, by how many threads


def test_calls_of_one_worker_begin_in_the_order_in_which_they_were_submitted(one: Executor) -> None:
    functions = [turn, turn, turn, other_turn] * 300
    assert [future.result() for future in [one.submit(function) for function in functions]] == list(range(1200))


def test_they_do_so_whatever_the_size_of_their_arguments(one: Executor) -> None:
    sizes = [1, b"x" * 5000, 2, np.zeros(20_000), "y" * 200_000] * 100
    assert [future.result() for future in [one.submit(turn, size) for size in sizes]] == list(range(500))


def test_many_short_calls_become_few_jobs() -> None:
    with FunctionExecutor(worker_processes=2) as fexec:
        executor = Executor(fexec)
        futures = [executor.submit(pow, i, 2) for i in range(3000)]
        assert [future.result() for future in futures] == [i * i for i in range(3000)]
        assert fexec.total_jobs < 300


def test_a_call_costs_no_thread(executor: Executor) -> None:
    executor.submit(abs, 1).result()
    before = threading.active_count()
    futures = [executor.submit(abs, i) for i in range(500)]
    assert threading.active_count() <= before
    assert set(as_completed(futures, DEADLINE_S)) == set(futures)


def test_several_threads_submit_at_once(executor: Executor) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        sums = [threads.submit(lambda: sum(executor.map(abs, range(400)))) for _ in range(8)]
        assert [future.result(DEADLINE_S) for future in sums] == [79800] * 8


def test_calls_end_though_nobody_waits_for_them(executor: Executor) -> None:
    ended: list[int] = []
    all_ended = threading.Event()

    def note(future: concurrent.futures.Future[int]) -> None:
        ended.append(future.result())
        if len(ended) == 100:
            all_ended.set()

    for i in range(100):
        executor.submit(abs, i).add_done_callback(note)
    assert all_ended.wait(DEADLINE_S)
    assert sorted(ended) == list(range(100))
