"""`lithops.concurrent.futures`: workers and backends that die, initializers, making executors."""

from __future__ import annotations

import os
import signal
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import pytest

from lithops import FunctionExecutor
from lithops.concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from lithops.errors import (
    BackendError,
    BadCallError,
    CancelledError,
    ClosedError,
    WorkerCrashedError,
    WorkerLostError,
)

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


class Leaving:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


def given(*args: object, **kwargs: object) -> tuple[object, ...]:
    return args, kwargs


def divide(a: int, b: int) -> float:
    return a / b


def set_mark(mark: str) -> None:
    import builtins

    builtins.marks = [*getattr(builtins, "marks", ()), mark]  # type: ignore[attr-defined]


def marks() -> list[str]:
    import builtins

    return list(getattr(builtins, "marks", ()))


@pytest.fixture(scope="module")
def executor(fexec: FunctionExecutor) -> Executor:
    return Executor(fexec)


# --- workers and backends that die


def test_a_crash_is_a_broken_pool_for_its_call_only(executor: Executor) -> None:
    bad, good = executor.submit(os._exit, 3), executor.submit(abs, -1)
    with pytest.raises(BrokenProcessPool, match="exit code 3") as info:
        bad.result()
    assert isinstance(info.value, WorkerCrashedError)
    assert info.value.exit_code == 3
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


@pytest.mark.parametrize("kind", [ProcessPoolExecutor, ThreadPoolExecutor])
def test_initargs_must_be_several(kind: Any) -> None:
    with pytest.raises(
        BadCallError, match=r"^initargs must be the arguments of the initializer, found 3; write \(3,\)$"
    ):
        kind(1, initializer=set_mark, initargs=3)


# --- making one


@pytest.mark.parametrize("kind", [ProcessPoolExecutor, ThreadPoolExecutor])
def test_max_workers_is_how_many_calls_run_at_once(kind: Any, gate: Gate) -> None:
    with kind(3) as executor:
        futures = [executor.submit(pass_gate, gate.path) for _ in range(3)]
        assert len({gate.arrival() for _ in range(3)}) == 3
        gate.open(3)
        wait(futures)
        assert executor._max_workers == 3


@pytest.mark.parametrize("number", [0, -1, "2", 1.5, True])
def test_max_workers_must_be_greater_than_0(number: Any) -> None:
    with pytest.raises(ValueError, match=f"^max_workers must be greater than 0, and whole, found {number!r}$"):
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
