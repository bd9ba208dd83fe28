"""How much a flow holds: what is sent when, and when it asks for more. Nothing runs here; reports are made up."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import pytest

from lithops.jobs.build import JobBuilder, JobOptions
from lithops.jobs.flow import Flow
from lithops.jobs.job import Job
from lithops.jobs.retry import RetryPolicy
from lithops.types import CallRange, CallState, Payload, Report


class Backend:
    """Takes calls and ends them when the test says so."""

    def __init__(self) -> None:
        self.taken: list[CallRange] = []

    def submit(self, job: Job, ranges: Iterable[CallRange]) -> None:
        self.taken += ranges

    @property
    def calls(self) -> int:
        return sum(part.count for part in self.taken)


def end(flow: Flow, first: int, count: int, result_bytes: int) -> None:
    report = Report(
        activation_id="a",
        first=first,
        count=count,
        attempt=1,
        states=bytes((int(CallState.DONE),)) * count,
        results=Payload(body=bytes(result_bytes * count)),
        started=array("d", [0.0] * count),
        ended=array("d", [0.001 * (k + 1) for k in range(count)]),
        cpu_user=array("f", [0.0] * count),
        cpu_system=array("f", [0.0] * count),
        peak_kb=array("I", [0] * count),
        grown_kb=array("I", [0] * count),
        worker="w",
    )
    flow._window.fill(report, list(range(first, first + count)), 0.0)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def flow(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """A flow of one worker, which holds 6400 bytes of inputs and results."""
    monkeypatch.setattr("lithops.jobs.flow.BUFFER_BYTES", 6400)
    builder = JobBuilder(
        executor_id="e-0",
        backend="none",
        runtime_name="none",
        runtime_memory=None,
        pump=None,
        storage=lambda: None,
        parallel=1,
    )
    options = JobOptions(timeout_s=60.0, retry=RetryPolicy(retries=0), chunksize=None, is_map=True)
    growing = builder.growing("M000", abs, 0, options)
    return Flow(growing, backend, ordered=True, buffer=None, tell_end=lambda: None)  # type: ignore[arg-type]


def put_all(flow: Flow) -> int:
    """Put items in while there is room; return how many."""
    items = 1
    while flow.put(items):
        items += 1
    return items


def test_items_that_have_gathered_are_not_sent_beyond_a_limit_that_has_become_lower(
    flow: Flow, backend: Backend
) -> None:
    items = put_all(flow)
    assert 0 < backend.calls < items  # the others wait until those are nearly done
    sent = backend.calls
    end(flow, 0, sent, result_bytes=1600)  # so only four may be held
    assert backend.calls == sent  # nothing was read yet
    taken = 0
    while (outcomes := flow.take()) != []:
        assert outcomes is not None
        taken += len(outcomes)
        if backend.calls > sent:
            assert backend.calls - taken <= 4
            end(flow, sent, backend.calls - sent, result_bytes=1600)
            sent = backend.calls
    assert taken == items == sent


def test_who_brings_items_is_told_of_room_for_some_not_for_each(flow: Flow, backend: Backend) -> None:
    told: list[int] = []
    flow.on_room = lambda: told.append(1)
    put_all(flow)
    end(flow, 0, backend.calls, result_bytes=8)
    reads = 0
    while flow.take():
        reads += 1
    assert reads > 1
    assert len(told) == 1  # from then on, nobody has asked


def test_workers_do_not_run_idle_because_there_is_room_for_few_items_only(flow: Flow, backend: Backend) -> None:
    told: list[int] = []
    flow.on_room = lambda: told.append(1)
    put_all(flow)
    end(flow, 0, 1, result_bytes=8)
    assert (flow.take(), told) == ([0], [])
    ended = 2
    while backend.calls > ended:
        first, ended = ended, backend.calls
        end(flow, first, ended - first, result_bytes=8)
    assert (flow.take(), told) == ([], [1])  # call 1 is at it, and nothing else
