"""The window on a stream of calls: what reports write, what may be taken, and when it forgets."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.jobs.window import Window
from lithops.types import Block, CallRange, CallState, Payload, Report
from lithops.worker import codec


def report(first: int, count: int) -> Report:
    return Report(
        activation_id="a",
        first=first,
        count=count,
        attempt=1,
        states=bytes((int(CallState.DONE),)) * count,
        results=Payload(body=b"12345678" * count),
        started=array("d", [10.0 + k for k in range(count)]),
        ended=array("d", [10.5 + k for k in range(count)]),
        cpu_user=array("f", [0.0] * count),
        cpu_system=array("f", [0.0] * count),
        peak_kb=array("I", [0] * count),
        grown_kb=array("I", [0] * count),
        worker="w",
    )


def fill(window: Window, first: int, count: int, skip: Sequence[int] = ()) -> int:
    return window.fill(report(first, count), list(range(first, first + count)), 20.0, skip)


def window_of(*groups: int, ordered: bool = True) -> Window:
    window = Window(None, ordered=ordered)
    for count in groups:
        first = window.next_call
        window.add(count, [Block(first=first, count=count, payload=codec.encode_atoms([None] * count))])
    return window


def test_outcomes_are_taken_in_order_as_far_as_they_are_there() -> None:
    window = window_of(3, 3)
    fill(window, 4, 2)
    assert (window.has_ready, window.take(9)) == (False, [])
    fill(window, 0, 2)
    assert (window.has_ready, window.take(9)) == (True, [0, 1])
    fill(window, 2, 2)
    assert [window.take(9), window.take(1), window.take(9)] == [[2], [3], [4, 5]]
    assert (window.take(9), window.unfinished) == ([], 0)


def test_without_order_outcomes_are_taken_as_they_come() -> None:
    window = window_of(3, 3, ordered=False)
    fill(window, 4, 2)
    fill(window, 0, 1)
    assert [window.take(1), window.take(9), window.take(9)] == [[4], [5], [0]]
    assert not window.has_ready


@pytest.mark.parametrize("ordered", [True, False])
def test_the_first_report_of_a_call_counts(ordered: bool) -> None:
    window = window_of(4, ordered=ordered)
    assert fill(window, 1, 2) == 2
    assert fill(window, 0, 4) == 2
    assert fill(window, 0, 4) == 0
    taken = [x for _ in range(4) for x in window.take(9)]
    assert sorted(taken) == [0, 1, 2, 3]


def test_calls_that_are_tried_again_are_left_open() -> None:
    window = window_of(3)
    assert fill(window, 0, 3, skip=[1]) == 2
    assert [window.is_over(call) for call in range(3)] == [True, False, True]
    assert window.take(9) == [0]
    fill(window, 1, 1)
    assert window.take(9) == [1, 2]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_report_may_speak_of_several_groups(ordered: bool) -> None:
    window = window_of(2, 1, 3, ordered=ordered)
    assert fill(window, 1, 4) == 4
    assert [window.is_over(call) for call in range(6)] == [False, True, True, True, True, False]


def test_what_was_taken_is_forgotten() -> None:
    window = window_of(2, 2)
    fill(window, 0, 2)
    window.take(9)
    assert window.is_over(0)
    assert fill(window, 0, 2) == 0
    assert window.under_way() == [CallRange(first=2, count=2)]


def test_without_order_a_straggler_keeps_its_own_group_only() -> None:
    window = window_of(*[2] * 100, ordered=False)
    fill(window, 1, 199)
    assert window.under_way() == [CallRange(first=0, count=2)]


def test_blocks_are_found_by_call_and_let_go_with_their_group() -> None:
    window = window_of(2, 3)
    assert [window.block_of(call).first for call in range(5)] == [0, 0, 2, 2, 2]
    fill(window, 0, 2)
    gone = window.block_of(1)
    assert (gone.first, gone.count, codec.decode_items(gone)[1:]) == (1, 1, [])


@pytest.mark.parametrize("ordered", [True, False])
def test_what_nobody_will_take_can_be_let_go(ordered: bool) -> None:
    window = window_of(2, 3, ordered=ordered)
    fill(window, 0, 3)
    window.clear()
    assert (window.has_ready, window.take(9), window.under_way(), window.is_over(4)) == (False, [], [], True)
    assert fill(window, 3, 2) == 0  # late
    assert codec.decode_items(window.block_of(3))[1:] == []


def test_it_learns_what_calls_take() -> None:
    window = window_of(4)
    fill(window, 0, 4)
    assert (window.call_s, window.result_bytes_each) == (3.5 / 4, 8)


def test_who_wants_to_know_is_told_of_ends_without_a_lock_held() -> None:
    window = window_of(2)
    seen: list[bool] = []
    window.on_fill = lambda: seen.append(window.has_ready)
    fill(window, 1, 1)
    fill(window, 0, 1)
    fill(window, 0, 1)  # late
    assert seen == [False, True]


@given(
    st.booleans(),
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 19), st.integers(1, 8), st.integers(1, 5)), max_size=12),
)
def test_every_call_is_taken_once_whatever_is_reported_when(
    ordered: bool, groups: list[int], reports: list[tuple[int, int, int]]
) -> None:
    window, calls = window_of(*groups, ordered=ordered), sum(groups)
    taken: list[object] = []
    for first, count, most in [*reports, (0, calls, calls)]:
        if first < calls:
            fill(window, first, min(count, calls - first))
        taken += window.take(most)
    while window.has_ready:
        taken += window.take(3)
    assert (taken if ordered else sorted(taken)) == list(range(calls))  # type: ignore[type-var]
    assert (window.unfinished, window.under_way()) == (0, [])
