"""`lithops.concurrent.futures`: what becomes of calls that are submitted, and of what they are given."""

from __future__ import annotations

import concurrent.futures
import os
import pickle
import signal
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lithops import FunctionExecutor
from lithops.concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
from lithops.errors import (
    BackendError,
    BadCallError,
    CancelledError,
    ClosedError,
    FunctionLoadError,
    ResultPickleError,
    WorkerCrashedError,
    WorkerLostError,
)

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


class Unwilling:
    """Cannot be pickled."""

    def __reduce__(self) -> str:
        raise pickle.PicklingError("not me")


class Leaving:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


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


def turn() -> int:
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


def set_mark(mark: str) -> None:
    import builtins

    builtins.marks = [*getattr(builtins, "marks", ()), mark]  # type: ignore[attr-defined]


def marks() -> list[str]:
    import builtins

    return list(getattr(builtins, "marks", ()))


@pytest.fixture(scope="module")
def executor(fexec: FunctionExecutor) -> Executor:
    return Executor(fexec)


@pytest.fixture
def one(_own_state: None) -> Iterator[Executor]:
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


# --- workers and backends that die


def test_a_crash_is_a_broken_pool_for_its_call_only(executor: Executor) -> None:
    bad, good = executor.submit(os._exit, 3), executor.submit(abs, -1)
    with pytest.raises(BrokenProcessPool, match="exit code 3") as info:
        bad.result()
    assert isinstance(info.value, WorkerCrashedError)
    assert good.result() == 1
    assert executor.submit(abs, -2).result() == 2


def test_a_crash_while_arguments_are_loaded_is_that_of_their_call(executor: Executor) -> None:
    futures = [executor.submit(given, i if i != 5 else Leaving()) for i in range(10)]
    with pytest.raises(BrokenProcessPool, match="exit code 3"):
        futures[5].result()
    assert [futures[i].result() for i in range(10) if i != 5] == [((i,), {}) for i in range(10) if i != 5]


def test_a_call_that_loses_its_worker_twice_is_a_broken_pool(executor: Executor, gate: Gate) -> None:
    future = executor.submit(pass_gate, gate.path)
    for _ in range(2):
        os.kill(gate.arrival(), signal.SIGKILL)
    with pytest.raises(BrokenProcessPool) as info:
        future.result(DEADLINE_S)
    assert isinstance(info.value, WorkerLostError)


def test_a_call_that_loses_its_worker_once_is_made_again(executor: Executor, gate: Gate) -> None:
    future = executor.submit(pass_gate, gate.path)
    os.kill(gate.arrival(), signal.SIGKILL)
    second = gate.arrival()
    gate.open()
    assert future.result(DEADLINE_S) == second


def test_calls_of_an_executor_that_is_closed_end(gate: Gate) -> None:
    fexec = FunctionExecutor(worker_processes=1)
    executor = Executor(fexec)
    futures = [executor.submit(pass_gate, gate.path) for _ in range(5)]
    gate.arrival()
    fexec.close()
    assert len(wait(futures, DEADLINE_S).done) == 5
    assert isinstance(futures[0].exception(), CancelledError)
    with pytest.raises(RuntimeError, match="was closed; make a new one"):
        futures[4].result()
    executor.shutdown()


def test_an_error_of_the_backend_is_a_broken_pool() -> None:
    from lithops.concurrent.futures.standard_errors import as_standard

    error = as_standard(BackendError("no more"))
    assert isinstance(error, BrokenProcessPool)
    assert isinstance(error, BackendError)
    assert str(error) == "no more"


# --- initializers


def test_an_initializer_is_called_once_in_each_worker_before_its_first_call() -> None:
    with ThreadPoolExecutor(1, initializer=set_mark, initargs=("set",)) as executor:
        assert [executor.submit(marks).result() for _ in range(5)] == [["set"]] * 5
        assert executor.submit(os._exit, 1).exception() is not None
        assert executor.submit(marks).result() == ["set"]
        assert executor.submit("x".upper).result() == "X"
        assert executor.submit(marks).result() == ["set"]


def test_an_initializer_that_raises_fails_the_calls() -> None:
    with ProcessPoolExecutor(1, initializer=divide, initargs=(1, 0)) as executor:
        future = executor.submit(abs, 1)
        with pytest.raises(
            BrokenProcessPool, match="the initializer of the executor failed: ZeroDivisionError"
        ) as info:
            future.result()
        assert "in divide" in str(info.value.__cause__)


def test_an_initializer_must_be_something_to_call() -> None:
    with pytest.raises(BadCallError, match="initializer must be something to call, found 3"):
        ProcessPoolExecutor(1, initializer=3)  # type: ignore[arg-type]  # that is the point


# --- making one


@pytest.mark.parametrize("kind", [ProcessPoolExecutor, ThreadPoolExecutor])
def test_max_workers_is_how_many_calls_run_at_once(kind: Any, gate: Gate) -> None:
    with kind(3) as executor:
        futures = [executor.submit(pass_gate, gate.path) for _ in range(3)]
        assert len({gate.arrival() for _ in range(3)}) == 3
        gate.open(3)
        wait(futures)
        assert executor._max_workers == 3


@pytest.mark.parametrize("number", [0, -1])
def test_max_workers_must_be_greater_than_0(number: int) -> None:
    with pytest.raises(ValueError, match=f"max_workers must be greater than 0, found {number}"):
        ProcessPoolExecutor(number)


def test_workers_that_are_replaced_after_some_calls_are_refused() -> None:
    with pytest.raises(BadCallError, match="max_tasks_per_child=3: workers are kept here; leave it out"):
        ProcessPoolExecutor(max_tasks_per_child=3)


def test_keywords_are_those_of_a_function_executor() -> None:
    with Executor(worker_processes=1, backend="localhost") as executor:
        assert executor.submit(abs, -1).result() == 1
        assert repr(executor).startswith("<Executor over <FunctionExecutor ")


def test_a_number_is_no_function_executor() -> None:
    with pytest.raises(BadCallError, match="found 4; for a number of workers take ProcessPoolExecutor"):
        Executor(4)  # type: ignore[arg-type]  # that is the point


def test_an_executor_that_exists_takes_no_keywords(fexec: FunctionExecutor) -> None:
    with pytest.raises(BadCallError, match="a FunctionExecutor that exists takes no keywords, found worker_processes"):
        Executor(fexec, worker_processes=3)


def test_an_executor_that_was_given_stays_open_and_keeps_its_own_results_apart(fexec: FunctionExecutor) -> None:
    with Executor(fexec) as executor:
        executor.submit(abs, -1).result()
        future = fexec.call_async(abs, -2)
    assert fexec.get_result(future) == 2
    assert fexec.get_result() == []
    with pytest.raises(ClosedError, match="cannot schedule new futures after shutdown"):
        executor.submit(abs, 1)
