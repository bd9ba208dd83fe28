"""Functions that return futures, and executors inside of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops import FunctionExecutor

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


def inner_call(x: int) -> Any:
    import lithops

    return lithops.FunctionExecutor(worker_processes=1).call_async(abs, -x)


def inner_map(x: int) -> Any:
    import lithops

    return lithops.FunctionExecutor(worker_processes=1).map(abs, [-x, -x - 1])


def inner_list(x: int) -> Any:
    return [*inner_map(x)]


def inner_failure(x: int) -> Any:
    import lithops

    return lithops.FunctionExecutor(worker_processes=1).map(lambda y: 1 // y, [1, 0])


def inner_result(x: int) -> Any:
    import lithops

    with lithops.FunctionExecutor(worker_processes=1) as fexec:
        return fexec.executor_id, fexec.is_lithops_worker, fexec.map(abs, [-x]).get_result()


def inner_gate(path: str) -> Any:
    import lithops

    return lithops.FunctionExecutor(worker_processes=1).call_async(pass_gate, path)


@pytest.mark.parametrize(
    ("function", "expected"), [(inner_call, 5), (inner_map, [5, 6]), (inner_list, [5, 6])], ids=["one", "list", "plain"]
)
def test_futures_that_a_call_returned_are_followed(lone: FunctionExecutor, function: Any, expected: Any) -> None:
    future = lone.call_async(function, 5)
    assert lone.get_result(future, timeout=DEADLINE_S) == expected
    assert future.futures


def test_futures_among_other_results_stand_in_their_place(lone: FunctionExecutor) -> None:
    def maybe(x: int) -> Any:
        import lithops

        return x if x else lithops.FunctionExecutor(worker_processes=1).call_async(abs, -7)

    assert lone.map(maybe, range(3)).get_result(timeout=DEADLINE_S) == [7, 1, 2]


def test_an_error_of_a_returned_future_is_raised_or_stands_in_its_place(lone: FunctionExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        lone.get_result(lone.call_async(inner_failure, 1), timeout=DEADLINE_S)
    one, error = lone.get_result(lone.call_async(inner_failure, 1), throw_except=False, timeout=DEADLINE_S)
    assert one == 1
    assert isinstance(error, ZeroDivisionError)


def test_waiting_for_a_call_waits_for_the_futures_it_returned(lone: FunctionExecutor, gate: Gate) -> None:
    outer = lone.call_async(inner_gate, gate.path)
    gate.arrival()
    outer.result(timeout=DEADLINE_S)
    assert lone.wait(outer, timeout=0) == ([], [outer])
    assert lone.wait(outer, timeout=0.02) == ([], [outer])
    gate.open()
    assert lone.wait(outer, timeout=DEADLINE_S) == ([outer], [])
    assert outer.result().ready


def test_waiting_raises_the_error_of_a_returned_future(lone: FunctionExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        lithops.wait(lone.call_async(inner_failure, 1), timeout=DEADLINE_S)


def test_an_executor_inside_of_a_call_knows_where_it_is(lone: FunctionExecutor) -> None:
    future = lone.call_async(inner_result, 3)
    executor_id, is_worker, result = future.result(timeout=DEADLINE_S)
    assert executor_id.startswith(f"{future.job_key}-00000-")
    assert is_worker is True
    assert lone.is_lithops_worker is False
    assert result == [3]


def test_a_future_may_be_an_argument(lone: FunctionExecutor, fexec: FunctionExecutor) -> None:
    ended = fexec.call_async(abs, -4)
    ended.result()
    assert lone.map(lambda future: future.result() + 1, [ended]).get_result(timeout=DEADLINE_S) == [5]


def test_a_pending_future_may_be_an_argument(lone: FunctionExecutor, fexec: FunctionExecutor, gate: Gate) -> None:
    pending = fexec.call_async(pass_gate, gate.path)
    worker = gate.arrival()
    reader = lone.call_async(lambda future: future.result(timeout=20), pending)
    gate.open()
    assert reader.result(timeout=DEADLINE_S) == worker
