"""What `get_result` returns: all of it, in order, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lithops
from lithops import FunctionExecutor
from lithops.errors import JobTimeoutError

from .conftest import pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


def every_other(x: int) -> int | None:
    return x if x % 2 == 0 else None


def fail_odd(x: int) -> int:
    if x % 2:
        raise ValueError(f"odd: {x}")
    return x


def test_results_of_none_are_kept(fexec: FunctionExecutor) -> None:
    fexec.map(every_other, range(4))
    assert fexec.get_result() == [0, None, 2, None]


def test_a_single_none_is_none(fexec: FunctionExecutor) -> None:
    fexec.call_async(every_other, 1)
    assert fexec.get_result() is None


def test_a_single_future_may_be_given(fexec: FunctionExecutor) -> None:
    assert fexec.get_result(fexec.call_async(abs, -3)) == 3
    assert fexec.get_result(fexec.map(abs, [-3])[0]) == 3
    assert lithops.get_result(fexec.call_async(abs, -3)) == [3]


def test_a_map_of_one_item_gives_a_list(fexec: FunctionExecutor) -> None:
    fexec.map(abs, [-3])
    assert fexec.get_result() == [3]


def test_results_are_in_the_order_of_the_items(fexec: FunctionExecutor) -> None:
    def late_first(x: int) -> int:
        sum(range(20_000 if x % 7 == 0 else 1))
        return x

    assert fexec.map(late_first, range(200)).get_result() == list(range(200))


def test_results_follow_the_order_of_the_futures_that_were_given(fexec: FunctionExecutor) -> None:
    first, second = fexec.map(abs, [-1, -2]), fexec.map(abs, [-3, -4])
    assert fexec.get_result([second[1], first[0], second[0], first[0]]) == [4, 1, 3, 1]


def test_get_result_returns_what_was_not_taken_yet(fexec: FunctionExecutor) -> None:
    fexec.get_result()
    fexec.map(abs, [-1, -2])
    call = fexec.call_async(abs, -3)
    assert call.result() == 3
    assert fexec.get_result() == [1, 2]
    assert fexec.get_result() == []
    fexec.call_async(abs, -4)
    fexec.call_async(abs, -5)
    assert fexec.get_result() == [4, 5]


def test_a_result_can_be_had_again_from_its_future(fexec: FunctionExecutor) -> None:
    futures = fexec.map(abs, [-1, -2])
    assert futures.get_result() == [1, 2]
    assert futures.get_result() == [1, 2]
    assert [f.result() for f in futures] == [1, 2]


def test_waiting_does_not_take_results(fexec: FunctionExecutor) -> None:
    futures = fexec.map(abs, [-1, -2])
    fexec.wait(futures)
    assert fexec.get_result() == [1, 2]


def test_waiting_with_download_takes_them(fexec: FunctionExecutor) -> None:
    futures = fexec.map(abs, [-1, -2])
    fexec.wait(futures, download_results=True)
    assert fexec.get_result() == []
    assert futures[1].state == "Done"


def test_the_first_error_in_order_is_raised_and_the_others_keep_their_results(fexec: FunctionExecutor) -> None:
    futures = fexec.map(fail_odd, range(4))
    with pytest.raises(ValueError, match="odd: 1"):
        fexec.get_result(futures)
    assert [f.state for f in futures] == ["Done", "Error", "Done", "Error"]
    assert [futures[0].result(), futures[2].result()] == [0, 2]
    assert str(futures[3].exception()) == "odd: 3"


def test_what_was_lost_behind_an_error_does_not_turn_up_among_the_next_results(fexec: FunctionExecutor) -> None:
    fexec.map(fail_odd, range(4))
    with pytest.raises(ValueError, match="odd: 1"):
        fexec.get_result()
    fexec.map(abs, [-1])
    assert fexec.get_result() == [1]


def test_a_wait_that_raises_leaves_everything_to_be_read(fexec: FunctionExecutor) -> None:
    fexec.map(fail_odd, range(4))
    with pytest.raises(ValueError, match="odd: 1"):
        fexec.wait()
    results = fexec.get_result(throw_except=False)
    assert [results[0], results[2]] == [0, 2]
    assert [str(results[1]), str(results[3])] == ["odd: 1", "odd: 3"]


def test_without_throw_except_errors_stand_where_results_would(fexec: FunctionExecutor) -> None:
    results = fexec.get_result(fexec.map(fail_odd, range(3)), throw_except=False)
    assert results[0] == 0
    assert isinstance(results[1], ValueError)
    assert results[2] == 2


def test_an_error_raised_twice_has_one_local_traceback(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(fail_odd, 1)
    depths = []
    for _ in range(3):
        with pytest.raises(ValueError, match="odd") as caught:
            future.result()
        depths.append(len(caught.traceback))
    assert len(set(depths)) == 1


def test_the_remote_traceback_is_the_cause(fexec: FunctionExecutor) -> None:
    with pytest.raises(ValueError, match="odd") as caught:
        fexec.call_async(fail_odd, 1).result()
    cause = str(caught.value.__cause__)
    assert "in fail_odd" in cause
    assert cause.count("Traceback") == 1
    assert "lithops/worker" not in cause


def test_get_result_has_a_timeout_that_ends_nothing(fexec: FunctionExecutor, gate: Gate) -> None:
    futures = fexec.map(pass_gate, [gate.path] * 2)
    gate.arrival()
    with pytest.raises(JobTimeoutError, match=r"0 of 2 calls have ended after 0\.05 s; the others go on") as caught:
        fexec.get_result(futures, timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    gate.open(2)
    assert len(fexec.get_result(futures, timeout=30)) == 2


def test_futures_of_several_executors_are_collected_together(fexec: FunctionExecutor, lone: FunctionExecutor) -> None:
    futures = [*fexec.map(abs, [-1, -2]), *lone.map(abs, [-3]), fexec.call_async(abs, -4)]
    assert lithops.get_result(futures) == [1, 2, 3, 4]


def test_a_big_result_arrives_whole(fexec: FunctionExecutor) -> None:
    assert len(fexec.call_async(bytes, 20_000_000).result()) == 20_000_000


def test_results_that_are_large_only_together_arrive(fexec: FunctionExecutor) -> None:
    assert fexec.get_result(fexec.map(bytes, [1000] * 500)) == [bytes(1000)] * 500
