"""What a pool knows of its work, by itself."""

from __future__ import annotations

import os
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.pool.run import LARGEST_BATCH, Handed, Run, Slot, not_begun
from lithops.types import Activation, Block, CallRange, Lane, Payload
from lithops.worker import page


class Source:
    """Ten calls to a block."""

    function = Payload(body=b"")
    shared: tuple[memoryview, ...] = ()

    def block_of(self, call: int) -> Block:
        return Block(first=call // 10 * 10, count=10, payload=Payload(body=b""))


def run_of(*ranges: tuple[int, int], chunksize: int | None = None) -> Run:
    activation = Activation(
        activation_id="a",
        job_key="k",
        ranges=tuple(CallRange(first=a, count=b - a) for a, b in ranges),
        lane=Lane.STREAM,
        timeout_s=1.0,
        deadline=1.0,
        source=Source(),
        chunksize=chunksize,
    )
    sink: Any = None
    return Run(activation, Source(), sink)


def unsent(run: Run) -> list[int]:
    calls = [c for a, b in run.unsent for c in range(a, b)]
    assert len(calls) == run.unsent_count
    return calls


def test_calls_are_taken_in_order_and_never_across_blocks() -> None:
    run = run_of((0, 25))
    assert [run.take(7)[:2] for _ in range(5)] == [(0, 7), (7, 10), (10, 17), (17, 20), (20, 25)]
    assert unsent(run) == []


def test_what_is_given_back_is_taken_first() -> None:
    run = run_of((0, 25))
    run.take(5)
    run.give_back(3, 5)
    run.give_back(5, 5)  # nothing
    assert run.take(10)[:2] == (3, 5)
    assert run.take(10)[:2] == (5, 10)


def test_cutting_removes_calls_that_are_not_sent_and_says_which() -> None:
    run = run_of((0, 10), (20, 30))
    assert run.cut(5, 25) == [(5, 10), (20, 25)]
    assert unsent(run) == [0, 1, 2, 3, 4, 25, 26, 27, 28, 29]
    assert run.cut(5, 25) == []
    assert run.cut(1, 2) == [(1, 2)]
    assert unsent(run) == [0, 2, 3, 4, 25, 26, 27, 28, 29]


@given(st.lists(st.tuples(st.sampled_from(["take", "back", "cut"]), st.integers(0, 59), st.integers(1, 30))))
def test_no_call_is_lost_or_doubled(steps: list[tuple[str, int, int]]) -> None:
    run = run_of((0, 30), (40, 60))
    expected = {*range(30), *range(40, 60)}
    out: list[tuple[int, int]] = []
    for what, low, many in steps:
        if what == "take" and run.unsent_count:
            a, b, _ = run.take(many)
            assert 0 < b - a <= many
            assert a // 10 == (b - 1) // 10
            out.append((a, b))
            expected -= set(range(a, b))
        elif what == "back" and out:
            a, b = out.pop(low % len(out))
            run.give_back(a, b)
            expected |= set(range(a, b))
        elif what == "cut":
            removed = {c for a, b in run.cut(low, low + many) for c in range(a, b)}
            assert removed == expected & set(range(low, low + many))
            expected -= removed
        calls = unsent(run)
        assert len(calls) == len(set(calls))
        assert set(calls) == expected


def test_batches_grow_slowly_and_shrink_at_once_or_nearly() -> None:
    run = run_of((0, 1000))
    sizes = []
    for _ in range(12):
        run.learn(1e-7)
        sizes.append(run.batch)
    assert sizes[:4] == [2, 4, 8, 16]
    assert sizes[-1] == LARGEST_BATCH
    run.learn(1.0)
    assert run.batch == LARGEST_BATCH // 2
    for _ in range(10):
        run.learn(1.0)
    assert run.batch == 1


def test_a_chunksize_of_the_users_is_kept_to() -> None:
    run = run_of((0, 100), chunksize=7)
    run.learn(1e-7)
    assert run.batch == 7


def test_items_to_avoid_are_told_behind_the_key_of_the_job() -> None:
    run = run_of((0, 10))
    assert run.name == run.key == b"k"
    run.avoid(7)
    run.avoid(3)
    run.avoid(7)
    assert run.name == b"k\0" + struct.pack("<2Q", 3, 7)


def test_what_has_not_begun_leaves_out_what_workers_are_at() -> None:
    descriptor, area = page.create(2)
    os.close(descriptor)
    run, other = run_of((0, 30)), run_of((0, 30))
    busy, idle = Slot(0), Slot(1)
    run.take(10)
    run.take(10)
    busy.queue.append(Handed(run, 2, 10, 0))
    idle.queue.extend((Handed(run, 10, 20, 0), Handed(other, 0, 10, 1)))
    page.Mark(memoryview(area), 0)(5, 1.0)
    parts = not_begun(run, [busy, idle], area)
    assert [(p.first, p.first + p.count) for p in parts] == [(20, 30), (2, 5), (6, 10), (10, 20)]


@pytest.mark.parametrize("what", [4, page.FUNCTION, page.IDLE])
def test_the_page_tells_what_a_worker_is_at_and_what_it_loads(what: int) -> None:
    descriptor, area = page.create(3)
    os.close(descriptor)
    mark = page.Mark(memoryview(area), 1)
    mark(17, 2.5)
    assert page.read(area, 1) == (17, 2.5)
    mark.loading(what)
    assert page.loading(area, 1) == what
    assert page.loading(area, 0) == page.loading(area, 2) == page.IDLE
    assert page.read(area, 0) == (page.IDLE, 0.0)
    page.reset(area, 1)
    assert (page.read(area, 1), page.loading(area, 1)) == ((page.IDLE, 0.0), page.IDLE)


def test_a_call_is_never_seen_with_the_start_of_none() -> None:
    descriptor, area = page.create(1)
    os.close(descriptor)
    mark = page.Mark(memoryview(area), 0)
    mark(3, 2.5)
    mark.idle()
    assert page.read(area, 0) == (page.IDLE, 2.5)  # had the start gone first, call 3 would have begun at 0
