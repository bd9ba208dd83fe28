"""Jobs fed by the results of jobs, on one worker: nothing that waits may keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lithops.errors import BadCallError, CancelledError

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from lithops import FunctionExecutor

    from .conftest import Gate


def inc(x: int) -> int:
    return x + 1


def double(x: int) -> int:
    return 2 * x


def fragile(x: int) -> int:
    if x == 1:
        raise LookupError("one")
    return x


def test_a_map_follows_a_map(lone: FunctionExecutor) -> None:
    assert lone.map(inc, range(4)).map(double).map(str).get_result(timeout=DEADLINE_S) == ["2", "4", "6", "8"]


def test_a_chained_list_becomes_the_list_of_the_new_futures(lone: FunctionExecutor) -> None:
    futures = lone.map(inc, range(2))
    first = [*futures]
    assert futures.map(double) is futures
    assert [f.job_key for f in futures] != [f.job_key for f in first]
    assert futures.get_result() == [2, 4]
    assert [f.result() for f in first] == [1, 2]


def test_a_call_starts_when_the_one_before_it_has_ended(fexec: FunctionExecutor, gate: Gate) -> None:
    chained = fexec.map(lambda path: path and pass_gate(path), ["", gate.path])
    waiting = chained[1]
    chained.map(str)
    worker = gate.arrival()
    assert chained[0].result(timeout=DEADLINE_S) == ""
    assert not waiting.ready
    assert (chained[1].state, chained[1].new, chained[1].stats) == ("New", True, {})
    gate.open()
    assert chained.get_result(timeout=DEADLINE_S) == ["", str(worker)]


def test_sync_waits_for_all_before_the_next_stage(lone: FunctionExecutor) -> None:
    futures = lone.map(inc, range(3))
    upstream = [*futures]
    futures.map(double, sync=True)
    assert all(f.ready for f in upstream)
    assert futures.get_result() == [2, 4, 6]
    with pytest.raises(LookupError, match="one"):
        lone.map(fragile, range(3)).map(double, sync=True)


def test_a_map_reduce_follows_a_map(lone: FunctionExecutor) -> None:
    assert lone.map(inc, range(4)).map_reduce(double, sum).get_result(timeout=DEADLINE_S) == 20
    assert lone.map(inc, range(4)).map_reduce(double, sum, sync=True).get_result(timeout=DEADLINE_S) == 20


def test_a_map_follows_a_map_reduce(lone: FunctionExecutor) -> None:
    futures = lone.map_reduce(inc, range(3), sum)
    assert lone.get_result(lone.map(double, futures)) == [2, 4, 6, 12]


def test_the_last_stage_only_is_returned_without_futures(lone: FunctionExecutor) -> None:
    lone.get_result(throw_except=False)
    lone.map(inc, range(3)).map(double)
    assert lone.get_result() == [2, 4, 6]
    assert lone.get_result() == []


def test_futures_of_another_executor_can_be_mapped_over(lone: FunctionExecutor, fexec: FunctionExecutor) -> None:
    assert fexec.map(double, lone.map(inc, range(3))).get_result(timeout=DEADLINE_S) == [2, 4, 6]


def test_results_that_are_tuples_or_dicts_become_arguments(lone: FunctionExecutor) -> None:
    def both(x: int) -> Any:
        return (x, 10) if x else {"a": 0, "b": 20}

    def add(a: int, b: int) -> int:
        return a + b

    assert lone.map(both, range(3)).map(add).get_result() == [20, 11, 12]


def test_extra_args_and_reserved_parameters_work_in_a_chain(lone: FunctionExecutor) -> None:
    def label(id: int, x: int, unit: str) -> str:
        return f"{id}: {x} {unit}"

    assert lone.map(inc, range(2)).map(label, extra_args=("mm",)).get_result() == ["0: 1 mm", "1: 2 mm"]


def test_a_result_that_does_not_fit_fails_its_call_alone(lone: FunctionExecutor) -> None:
    def shape(x: int) -> Any:
        return (1, 2, 3) if x == 1 else x

    results = lone.map(shape, range(3)).map(inc).get_result(throw_except=False)
    assert [results[0], results[2]] == [1, 3]
    assert isinstance(results[1], BadCallError)
    assert "cannot call inc(x) with item 1, (1, 2, 3): 3 positional arguments are too many" in str(results[1])


def test_a_failure_fails_the_calls_that_follow_it_and_no_others(lone: FunctionExecutor) -> None:
    futures = lone.map(fragile, range(3)).map(inc).map(double)
    results = futures.get_result(throw_except=False, timeout=DEADLINE_S)
    assert [results[0], results[2]] == [2, 6]
    assert isinstance(results[1], LookupError)
    assert futures[1].state == "Error"


def test_a_failure_that_was_passed_on_shows_where_it_happened_and_nothing_else(lone: FunctionExecutor) -> None:
    error = lone.map(fragile, [1]).map(inc).map(double)[0].exception(timeout=DEADLINE_S)
    assert isinstance(error, LookupError)
    text = str(error.__cause__)
    assert text.count("in fragile") == 1
    assert "chains.py" not in text
    assert error.__cause__ is not None
    assert error.__cause__.__cause__ is None


def test_cancelling_a_call_cancels_what_follows_it(lone: FunctionExecutor, gate: Gate) -> None:
    futures = lone.map(pass_gate, [gate.path] * 2)
    upstream = [*futures]
    futures.map(str)
    gate.arrival()
    upstream[1].cancel()
    assert isinstance(futures[1].exception(timeout=DEADLINE_S), CancelledError)
    assert futures[1].cancelled()
    gate.open()
    assert futures[0].result(timeout=DEADLINE_S)


def test_cancelling_a_call_that_waits_for_another_leaves_the_other_alone(lone: FunctionExecutor, gate: Gate) -> None:
    futures = lone.map(pass_gate, [gate.path])
    upstream = futures[0]
    futures.map(str)
    gate.arrival()
    assert futures[0].cancel()
    gate.open()
    assert isinstance(upstream.result(timeout=DEADLINE_S), int)
    assert futures[0].cancelled()


def test_a_chain_that_cannot_be_built_leaves_the_results_to_be_read(lone: FunctionExecutor) -> None:
    lone.get_result(throw_except=False)
    futures = lone.map(inc, range(3))
    with pytest.raises(BadCallError, match="cannot call 'double'"):
        futures.map("double")  # type: ignore[arg-type]
    assert lone.get_result() == [1, 2, 3]


def test_a_reducer_must_take_one_argument(lone: FunctionExecutor) -> None:
    with pytest.raises(BadCallError, match="the argument 'b' is missing"):
        lone.map_reduce(inc, [1], lambda a, b: a)
    with pytest.raises(BadCallError, match="cannot call None"):
        lone.map_reduce(inc, [1], None)  # type: ignore[arg-type]


def test_a_long_chain_does_not_wear_out_the_stack(lone: FunctionExecutor) -> None:
    futures = lone.map(inc, [0])
    for _ in range(200):
        futures.map(inc)
    assert futures.get_result(timeout=DEADLINE_S) == [201]


def test_a_chain_on_what_has_ended_starts_at_once(lone: FunctionExecutor) -> None:
    futures = lone.map(inc, range(3))
    futures.wait()
    assert futures.map(double).get_result() == [2, 4, 6]
