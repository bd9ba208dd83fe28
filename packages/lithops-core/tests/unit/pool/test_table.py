"""The table of a job: what reports write, and whom they wake."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops import errors
from lithops.jobs.table import JobTable, Watch
from lithops.types import CallState, LogSlice, Payload, Report
from lithops.worker.codec import Pickled
from lithops.worker.failure import library_failure

DONE, ERROR, CANCELLED = int(CallState.DONE), int(CallState.ERROR), int(CallState.CANCELLED)


def report(first: int, states: Sequence[int], attempt: int = 1, logs: Sequence[LogSlice] = ()) -> Report:
    n = len(states)
    return Report(
        activation_id="a",
        first=first,
        count=n,
        attempt=attempt,
        states=bytes(states),
        results=Payload(body=b""),
        started=array("d", [10.0 + first + k for k in range(n)]),
        ended=[11.0 + first + k for k in range(n)],
        cpu_user=array("f", [0.5] * n),
        cpu_system=[0.25] * n,
        peak_kb=array("Q", [100] * n),
        grown_kb=[1] * n,
        worker="w",
        logs=logs,
    )


def fill(table: JobTable, first: int, *values: object, skip: Sequence[int] = ()) -> int:
    states = [ERROR if isinstance(v, Exception) else DONE for v in values]
    return table.fill(report(first, states), list(values), 20.0, skip)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_report_is_written_column_by_column(width: int) -> None:
    table = JobTable(10)
    assert fill(table, 3, *range(width)) == width
    assert table.over == width
    for k in range(width):
        call = 3 + k
        assert (table.value(call), table.state[call], table.attempt[call]) == (k, DONE, 1)
        assert (table.started[call], table.ended[call], table.reported[call]) == (10.0 + call, 11.0 + call, 20.0)
        assert (table.cpu_user[call], table.cpu_system[call]) == (0.5, 0.25)
        assert (table.peak_kb[call], table.grown_kb[call]) == (100, 1)
        assert table.worker_of(call) == "w"
    assert not table.is_over(2)
    assert table.worker_of(2) == ""


def test_the_first_report_of_a_call_wins() -> None:
    table = JobTable(4)
    assert fill(table, 1, "first") == 1
    assert fill(table, 1, "second") == 0
    assert fill(table, 0, "a", "second", "c", "d") == 3
    assert [table.value(k) for k in range(4)] == ["a", "first", "c", "d"]
    assert table.complete
    assert table.over == 4


def test_calls_that_are_tried_again_stay_open() -> None:
    table = JobTable(3)
    assert fill(table, 0, "a", ValueError(), "c", skip=[1]) == 2
    assert [table.is_over(k) for k in range(3)] == [True, False, True]
    assert table.failed == 0
    assert table.fill(report(1, [DONE], attempt=2), ["b"], 1.0) == 1
    assert table.attempt[1] == 2
    assert table.complete


def test_failures_are_counted_once() -> None:
    table = JobTable(4)
    fill(table, 0, ValueError(), 1)
    fill(table, 0, ValueError(), 1, ValueError(), 1)
    assert (table.over, table.failed) == (4, 2)


def test_attempts_past_255_are_kept_at_255() -> None:
    table = JobTable(2)
    table.fill(report(0, [DONE], attempt=300), [1], 1.0)
    table.fill(report(1, [DONE, DONE][:1], attempt=255), [1], 1.0)
    assert bytes(table.attempt) == b"\xff\xff"


def test_sending_does_not_reopen_what_has_ended() -> None:
    table = JobTable(3)
    fill(table, 1, "x")
    table.sent(0, 3)
    assert list(table.state) == [CallState.SENT, DONE, CallState.SENT]


def test_a_gate_opens_for_its_own_call_only() -> None:
    table = JobTable(5)
    gates = [table.gate(k) for k in range(5)]
    fill(table, 2, "x", "y")
    assert [gate is not None and gate.acquire(blocking=False) for gate in gates] == [False, False, True, True, False]
    assert table.gate(2) is None


def test_a_gate_that_was_dropped_is_not_opened() -> None:
    table = JobTable(1)
    gate, other = table.gate(0), table.gate(0)
    assert gate is not None
    table.drop_gate(0, gate)
    table.drop_gate(0, gate)  # harmless
    fill(table, 0, 1)
    assert gate.locked()
    assert other is not None
    assert not other.locked()


def test_a_watch_opens_when_enough_have_ended_and_is_told_of_each_batch() -> None:
    table, told = JobTable(10), list[tuple[int, int]]()
    fill(table, 0, 1, ValueError())
    watch = Watch(5, lambda ended, failed: told.append((ended, failed)))
    table.watch(watch)
    fill(table, 2, 1)
    fill(table, 1, 1, 1)  # both known already
    assert watch.gate.locked()
    fill(table, 3, 1, ValueError(), 1)
    assert not watch.gate.locked()
    assert told == [(2, 1), (1, 0), (0, 0), (3, 1)] or told == [(2, 1), (1, 0), (3, 1)]
    table.unwatch(watch)
    fill(table, 6, 1)
    assert sum(ended for ended, _ in told) == 6


def test_a_watch_of_some_calls_counts_those_only() -> None:
    table = JobTable(10)
    fill(table, 0, 1)
    watch = Watch(3)
    table.watch(watch, frozenset({0, 4, 9}))
    fill(table, 1, 1, 1, 1, 1)
    assert watch.gate.locked()
    fill(table, 8, 1, 1)
    assert not watch.gate.locked()


def test_a_watch_of_a_table_that_is_complete_opens_at_once() -> None:
    table = JobTable(2)
    fill(table, 0, 1, 2)
    watch = Watch(2)
    table.watch(watch)
    assert not watch.gate.locked()


def test_callbacks_are_called_once_whether_registered_before_or_after() -> None:
    table, called = JobTable(3), list[int]()
    table.when_over(1, called.append)
    fill(table, 0, 1, 2)
    assert called == [1]
    table.when_over(0, called.append)
    assert called == [1, 0]
    fill(table, 0, 1, 2, 3)
    assert called == [1, 0]


def test_a_callback_may_fill_the_table() -> None:
    table = JobTable(2)

    def again(_call: int) -> None:
        fill(table, 1, "by the callback")

    table.when_over(0, again)
    fill(table, 0, "x")
    assert table.value(1) == "by the callback"


def test_values_are_unpickled_on_first_use_and_errors_are_always_the_same_object() -> None:
    import pickle

    table = JobTable(2)
    table.fill(
        report(0, [DONE, CANCELLED]), [Pickled(pickle.dumps([1])), library_failure(errors.CancelledError, "m")], 1.0
    )
    assert table.value(0) is table.value(0)
    assert table.value(0) == [1]
    assert table.error(1) is table.error(1)
    assert isinstance(table.error(1), errors.CancelledError)


def test_a_value_that_cannot_be_unpickled_raises_each_time() -> None:
    table = JobTable(1)
    table.fill(report(0, [DONE]), [Pickled(b"nonsense")], 1.0)
    for _ in range(2):
        with pytest.raises(Exception, match="pickle|opcode|load"):
            table.value(0)


def test_the_pump_is_woken_for_those_who_wait_only() -> None:
    class Pump:
        woken = 0

        def run_until(self, ready: object, deadline: float) -> None: ...

        def wake(self) -> None:
            self.woken += 1

    pump = Pump()
    table = JobTable(3, pump)
    fill(table, 0, 1)
    assert pump.woken == 0
    table.gate(1)
    fill(table, 1, 1)
    assert pump.woken == 1


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(1, 20), st.booleans()), max_size=30))
def test_counts_agree_with_the_calls_whatever_is_reported(reports: list[tuple[int, int, bool]]) -> None:
    table = JobTable(20)
    watch = Watch(10)
    table.watch(watch)
    expected: dict[int, bool] = {}
    for first, width, good in reports:
        calls = range(first, min(20, first + width))
        fresh = [c for c in calls if c not in expected]
        assert fill(table, first, *([1] * len(calls) if good else [ValueError()] * len(calls))) == len(fresh)
        expected.update(dict.fromkeys(fresh, good))
    assert table.over == len(expected)
    assert table.failed == sum(not good for good in expected.values())
    assert watch.gate.locked() == (len(expected) < 10)


def test_reports_from_many_threads_are_counted_once_each() -> None:
    table = JobTable(2000)
    watch = Watch(2000)
    table.watch(watch)

    def work() -> None:
        for first in range(0, 2000, 10):
            fill(table, first, *range(first, first + 10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.over == 2000
    assert not watch.gate.locked()
    assert table.results == list(range(2000))
