"""Reports are found in the store, believed only if they are signed, and told once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from lithops.jobs.leftovers import Leftovers
from lithops.lanes.collector import LAST_LOOKS, POLL_INTERVALS, Collector
from lithops.lanes.depot import Depot
from lithops.remote.envelope import encode_reports, signed
from lithops.storage import Storage
from lithops.types import (
    Activation,
    ActivationState,
    CallRange,
    CallState,
    Cause,
    Lane,
    Phase,
    Receipt,
    Report,
    WorkerPart,
)
from lithops.worker import codec

from .conftest import BUCKET, Counting

PATIENCE_S = 20.0
Make = Callable[..., Collector]


class Heard:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.reports: list[str] = []
        self.losses: list[tuple[str, Cause, str]] = []
        self.refusals: list[Exception] = []

    def reported(self, reports: Sequence[Report]) -> None:
        with self.changed:
            self.reports += [report.activation_id for report in reports]
            self.changed.notify_all()

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        with self.changed:
            self.losses.append((activation_id, cause, detail))
            self.changed.notify_all()

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        with self.changed:
            self.refusals.append(error)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S)


@pytest.fixture
def depot(store: Counting) -> Depot:
    storage = Storage.over(store, backend="counting", bucket=BUCKET, section={})
    return Depot(storage, WorkerPart(target="no:where"), "x-0", Leftovers("x-0", lambda: storage, {}))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def make(depot: Depot, heard: Heard) -> Iterator[Make]:
    made: list[Collector] = []

    def make(interval_s: float = 0.01, **options: object) -> Collector:
        made.append(Collector(depot, heard, interval_s=interval_s, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def activation(number: int) -> Activation:
    return Activation(
        activation_id=f"t-{number}",
        job_key="x-0-M000",
        ranges=(CallRange(first=number, count=1),),
        lane=Lane.STORAGE,
        timeout_s=10,
        deadline=time.monotonic() + 100,
    )


def receipt(number: int) -> Receipt:
    return Receipt(activation_ids=(f"t-{number}",), backend_ref="")


def answer(number: int) -> bytes:
    part = CallRange(first=number, count=1)
    return encode_reports([codec.report_of_unrun(part, CallState.DONE, activation_id=f"t-{number}", final=True)])


def finish(depot: Depot, number: int) -> None:
    place = depot.report("x-0-M000", f"t-{number}")
    depot.payloads.write_once(place.key, signed(answer(number), place))


def test_reports_are_told_of_when_they_come(make: Make, depot: Depot, heard: Heard) -> None:
    collector = make()
    for number in range(200):
        collector.await_report(activation(number), receipt(number))
    for number in range(0, 200, 2):
        finish(depot, number)
    heard.wait(lambda: len(set(heard.reports)) == 100)
    for number in range(0, 200, 2):
        collector.forget(f"t-{number}")
    for number in range(1, 200, 2):
        finish(depot, number)
    heard.wait(lambda: len(set(heard.reports)) == 200)


def test_what_is_forgotten_is_not_told_of_and_nothing_is_asked_when_nothing_is_awaited(
    make: Make, depot: Depot, heard: Heard, store: Counting
) -> None:
    collector = make()
    collector.await_report(activation(0), receipt(0))
    finish(depot, 0)
    heard.wait(lambda: heard.reports)
    collector.forget("t-0")
    time.sleep(0.05)
    before = store.asked.copy()
    time.sleep(0.1)
    assert store.asked == before


def test_what_is_not_signed_is_forged(make: Make, depot: Depot, heard: Heard) -> None:
    place, other = (depot.report("x-0-M000", f"t-{number}") for number in (0, 1))
    depot.payloads.write(place.key, signed(answer(0), other))  # true, but of another activation
    make().await_report(activation(0), receipt(0))
    heard.wait(lambda: heard.losses)
    assert heard.losses[0] == (
        "t-0",
        Cause.FORGED,
        f"object {place.key!r} is not signed by anybody of this job",
    )
    assert not heard.reports


@pytest.mark.parametrize("garbage", [b"", b"x" * 10, b"x" * 1000])
def test_garbage_is_forged(make: Make, depot: Depot, heard: Heard, garbage: bytes) -> None:
    depot.payloads.write(depot.report("x-0-M000", "t-0").key, garbage)
    make().await_report(activation(0), receipt(0))
    heard.wait(lambda: heard.losses)
    assert heard.losses[0][:2] == ("t-0", Cause.FORGED)


def test_a_store_that_is_away_is_looked_into_later(
    make: Make, depot: Depot, heard: Heard, store: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    store.away = 3
    collector = make()
    collector.await_report(activation(0), receipt(0))
    finish(depot, 0)
    heard.wait(lambda: heard.reports)
    assert [r.getMessage() for r in caplog.records].count(
        "the store cannot be asked for results, and will be again: the store is away"
    ) <= 1


def test_an_activation_that_is_gone_without_a_report_is_lost(make: Make, heard: Heard) -> None:
    def poll(receipts: Sequence[Receipt]) -> list[ActivationState]:
        return [ActivationState(activation_id="t-0", phase=Phase.GONE, cause=Cause.MEMORY, detail="too much")]

    make(poll=poll).await_report(activation(0), receipt(0))
    heard.wait(lambda: heard.losses)
    assert heard.losses[0] == ("t-0", Cause.MEMORY, "too much")


def test_one_that_is_gone_and_has_left_a_report_is_not(make: Make, depot: Depot, heard: Heard) -> None:
    def poll(receipts: Sequence[Receipt]) -> list[ActivationState]:
        finish(depot, 0)
        return [ActivationState(activation_id="t-0", phase=Phase.GONE)]

    make(poll=poll).await_report(activation(0), receipt(0))
    heard.wait(lambda: heard.reports)
    assert not heard.losses


def test_the_report_of_one_that_has_ended_by_itself_may_show_late(
    make: Make, depot: Depot, store: Counting, heard: Heard
) -> None:
    def poll(receipts: Sequence[Receipt]) -> list[ActivationState]:
        return [ActivationState(activation_id="t-0", phase=Phase.GONE)]

    finish(depot, 0)
    store.hidden = 2 * (POLL_INTERVALS + LAST_LOOKS)
    make(poll=poll).await_report(activation(0), receipt(0))
    heard.wait(lambda: heard.reports or heard.losses)
    assert not heard.losses


def test_looks_become_rare_while_nothing_happens(make: Make, heard: Heard) -> None:
    collector = make(interval_s=0.005)
    collector.await_report(activation(0), receipt(0))
    time.sleep(1.0)
    assert 1 <= collector.looks <= 110  # it would be 200 if they came at the same pace all the time
