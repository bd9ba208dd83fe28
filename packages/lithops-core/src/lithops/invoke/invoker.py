"""Hands a job's calls to the backend as activations, and is the sink of what becomes of them.

Pure bookkeeping under one lock, which is not held while a plugin is called. A job of a million calls is one
activation for a stream backend; for others, activations are made as the backend has room for them.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lithops import errors
from lithops.invoke.aside import Aside
from lithops.invoke.launcher import Launcher
from lithops.invoke.losses import OWN_DOING, Losses, jitter, lost_attempt, own_failure
from lithops.invoke.opened import Opened
from lithops.invoke.ranges import merged, remaining, split
from lithops.invoke.reports import validated
from lithops.invoke.timers import Timers
from lithops.invoke.watch import GRACE_S, Watch
from lithops.records import replaced
from lithops.types import Activation, CallRange, CallState, CancelRequest, Cause, Lane, Limits, Receipt, Report
from lithops.worker import codec
from lithops.worker.failure import Failure, capture, library_failure

if TYPE_CHECKING:
    from lithops.config.settings import SpeculationPolicy
    from lithops.invoke.orders import Orders
    from lithops.invoke.speculation import Speculation
    from lithops.jobs.job import Job
    from lithops.jobs.journal import Journal
    from lithops.lanes.depot import Depot
    from lithops.plugins import Plugins

logger = logging.getLogger(__name__)

_ERROR, _LOST = int(CallState.ERROR), int(CallState.LOST)


class Invoker:
    """One per executor."""

    def __init__(
        self,
        plugins: Plugins,
        limits: Limits,
        *,
        infrastructure_retries: int,
        lane: Lane,
        depot: Depot | None = None,
        journal: Journal | None = None,
        interval_s: float = 0.0,
        speculation: SpeculationPolicy | None = None,
    ) -> None:
        """`depot` is what workers reach of the store, if they do; there are `interval_s` seconds between looks at it.

        What is handed over is written to `journal`, for lanes that outlive the driver.
        """
        self._plugins = plugins
        self.lane = lane
        """How calls travel."""
        self._journal = journal
        self._losses = Losses(infrastructure_retries)
        self._payloads = None if depot is None else depot.payloads
        self._sink = plugins.wrap_sink(self)
        self._opened = Opened()
        self._timers = Timers()
        self._aside = Aside()
        self._watch = Watch(self._opened.activations, self._timers, self._give_up)
        self._orders: Orders | None = None
        if lane is not Lane.STREAM:  # on a stream, nobody needs json
            from lithops.invoke.orders import Orders

            self._orders = Orders(lane, limits, depot, journal)
        if lane is Lane.STORAGE and depot is not None:
            from lithops.lanes.collector import Collector

            poll = plugins.poll if plugins.can_poll else None
            self._opened.collector = Collector(depot, self._sink, interval_s=interval_s, poll=poll)
        self._launcher = Launcher(
            plugins,
            limits,
            lane=lane,
            orders=self._orders,
            opened=self._opened,
            timers=self._timers,
            watch=self._watch,
            sink=self._sink,
            not_taken=self._not_taken,
        )
        self._speculation: Speculation | None = None
        if speculation is not None and lane is not Lane.STREAM:
            from lithops.invoke.speculation import Speculation

            back_up = self._launcher.back_up
            self._speculation = Speculation(speculation, self._opened.activations, self._timers, back_up)
        self._closed = False

    def begin(self, job: Job) -> None:
        """Do once for a job what its calls need, before any is submitted. Raises `StorageError`."""
        if self._orders is not None:
            self._orders.begin(job)

    def adopt(self, job: Job, activations: Iterable[tuple[Activation, Receipt]]) -> None:
        """Go on with a job of an earlier process: with what was handed over; the rest cannot be run any more."""
        handed = set[int]()
        for activation, receipt in activations:
            handed.update(_calls_of(activation.ranges))
            self._opened.add(job, activation)
            self._opened.accept(receipt)
        job.table.sent(0, job.table.calls)
        self.fail(job, (call for call in range(job.table.calls) if call not in handed), CallState.ERROR, _NEVER_STARTED)
        self._watch.begin(job.facts.timeout_s)

    def submit(self, job: Job, ranges: Iterable[CallRange]) -> None:
        """Start calls of a job; returns when the backend has taken as many as it wants at once."""
        self._launcher.submit(job, ranges)

    def cancel(self, job: Job, first: int, count: int) -> None:
        """End calls that have not ended, as cancelled, and have the backend stop them."""
        receipts = self._opened.receipts_of(job)
        self.fail(job, range(first, first + count), CallState.CANCELLED, _CANCELLED)
        if receipts and self._plugins.can_cancel:
            part = CallRange(first=first, count=count)
            self._plugins.cancel(CancelRequest(receipts=receipts, ranges=(part,)))

    def close(self) -> None:
        """Start nothing more; idempotent."""
        self._closed = self._losses.closed = self._launcher.closed = True
        self._timers.close()
        self._aside.close()
        if self._payloads is not None:
            self._payloads.close()
        if self._opened.collector is not None:
            self._opened.collector.close()

    def abandon(self, others: Iterable[Job] = ()) -> None:
        """End every call that has not ended, as cancelled, those of `others` too: there will be no more reports."""
        unfinished = (job for job in others if not job.table.complete)
        for job in {*self._opened.close_all(), *self._launcher.clear(), *unfinished}:
            self.fail(job, range(job.table.calls), CallState.CANCELLED, _CLOSED)

    # --- the sink

    def accepted(self, receipt: Receipt) -> None:
        """See `lithops.types.Sink`."""
        taken = self._opened.accept(receipt)
        if taken and self._journal is not None:
            self._journal.accepted(receipt, taken)

    def started(self, activation_ids: Sequence[str], at: float) -> None:
        """See `lithops.types.Sink`."""
        self._watch.heard = time.monotonic()

    def reported(self, reports: Sequence[Report]) -> None:
        """See `lithops.types.Sink`."""
        self._watch.heard = time.monotonic()
        at = time.time()
        for report in reports:
            entry = self._opened.activations.get(report.activation_id)
            if entry is None:
                continue  # late: it was given up, or has said its last word already
            job, activation = entry
            try:
                entries = validated(report, activation, self._payloads)
            except Exception as error:  # noqa: BLE001 - whatever a remote side may send
                self.lost(report.activation_id, Cause.FORGED, f"a report cannot be read: {error}", ())
                continue
            if self._orders is not None:
                job.billed_ms += _billed_ms(report)
            if report.final:
                with self._opened.lock:
                    self._opened.close(report.activation_id)
                    job.activations += 1
                    self._launcher.pace.took(1)
            self._take_in(job, report, entries, at)
            if report.final and self._speculation is not None:
                self._speculation.took(job, activation)
        if self._launcher.waits:
            self._launcher.pump()

    def _take_in(self, job: Job, report: Report, entries: list[object], at: float) -> None:
        """Write a report into the table, but for the calls that are tried again, and tell of it."""
        again = self._losses.to_retry(job, report, entries)
        if _LOST in report.states:  # what is not tried again is an error by now
            report = replaced(report, states=report.states.replace(bytes((_LOST,)), bytes((_ERROR,))))
        fresh = job.table.fill(report, entries, at, again)
        if job.failed_attempts and not job.table.remembers:
            job.forget(call for call in range(report.first, report.first + report.count) if call not in again)
        for delay_s, calls in itertools.groupby(again, key=again.__getitem__):
            if delay_s is not None:
                parts = (CallRange(first=call, count=1, attempt=report.attempt + 1) for call in calls)
                self._retry(job, tuple(merged(parts)), delay_s)
        if fresh and self._plugins.hears_jobs:
            self._plugins.calls_finished(job.info, [report])
            if job.table.complete:
                self._tell_end(job)

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        """See `lithops.types.Sink`."""
        for job, activation in self._closed_again((activation_id,)):
            if self._closed:  # that is how a backend ends what still runs
                self.fail(job, _calls_of(activation.ranges), CallState.CANCELLED, _CLOSED)
                continue
            calls = [call for call in _calls_of(activation.ranges) if not job.table.is_over(call)]
            if cause not in OWN_DOING:
                self._lose(job, activation, cause, detail, set(_calls_of(not_begun)))
            elif len(calls) > 1:  # nobody knows whose doing it was: each gets an activation of its own
                self._start_again(job, activation, alone=True)
            else:
                self._blame(job, activation, calls, own_failure(cause, detail))
        self._launcher.pump()

    def _lose(self, job: Job, activation: Activation, cause: Cause, detail: str, free: set[int]) -> None:
        """Try again what an activation had that something from outside has ended."""
        now, luck = time.time(), jitter()  # the same pause for all of them, so that they stay together
        again: dict[float, list[CallRange]] = {}
        for part in activation.ranges:
            for call in range(part.first, part.first + part.count):
                if job.table.is_over(call) or job.tried(call) >= part.attempt:
                    continue
                if call in free:
                    again.setdefault(0.0, []).append(CallRange(first=call, count=1, attempt=part.attempt))
                    continue
                longest_s = self._losses.charge(job, call, lost_attempt(part.attempt, cause, detail, now))
                if longest_s is not None:
                    after = CallRange(first=call, count=1, attempt=part.attempt + 1)
                    again.setdefault(longest_s, []).append(after)
                else:
                    times = job.losses[call]
                    message = f"the worker was lost {times} times ({cause.value}): {detail}"
                    self.fail(job, (call,), CallState.ERROR, library_failure(errors.WorkerLostError, message))
        for longest_s, parts in again.items():
            self._retry(job, tuple(merged(parts)), longest_s * luck)

    def _blame(self, job: Job, activation: Activation, calls: Sequence[int], failure: Failure) -> None:
        """End calls as if their worker had reported that they failed."""
        for call in calls:
            part = next(part for part in activation.ranges if part.first <= call < part.first + part.count)
            one = CallRange(first=call, count=1, attempt=part.attempt)
            report = codec.report_of_unrun(one, CallState.ERROR, failure, activation_id=activation.activation_id)
            self._take_in(job, report, [failure], time.time())

    def throttled(self, activation_ids: Sequence[str], retry_after_s: float | None) -> None:
        """See `lithops.types.Sink`."""
        entries = list(self._closed_again(activation_ids))
        if not entries:
            return
        with self._opened.lock:
            pace = self._launcher.pace
            oldest = min(activation.ordered for _, activation in entries)
            pace.put_off(len(entries), len(self._opened), oldest, retry_after_s)
            starved_s = pace.starved_s
        for job, activation in entries:
            if starved_s > job.facts.timeout_s + GRACE_S:
                message = (
                    f"backend {job.facts.backend!r} has taken no call for {starved_s:.0f} s, saying that there are too "
                    "many; raise its limit, or lower max_workers"
                )
                failure = library_failure(errors.ThrottledError, message)
                self.fail(job, _calls_of(activation.ranges), CallState.ERROR, failure)
            else:
                self._start_again(job, activation)
        self._launcher.pump()

    def _start_again(self, job: Job, activation: Activation, *, alone: bool = False) -> None:
        """Put calls back to where they came from, no attempt charged."""
        ranges = activation.ranges
        if job.source is None:
            self.fail(job, _calls_of(ranges), CallState.ERROR, _NOT_AGAIN)
            return
        if alone:
            ranges = tuple(one for part in ranges for one in split(part, 1))
        self._launcher.put_back(job, ranges)

    def _not_taken(self, activation_ids: Sequence[str], error: Exception) -> None:
        """Try again later what could not be handed over, if the platform may be there then."""
        if isinstance(error, errors.TransportError) and not error.lasting:
            for activation_id in activation_ids:
                self.lost(activation_id, Cause.UNREACHABLE, str(error), ())
        else:
            self.refused(activation_ids, error)

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        """See `lithops.types.Sink`."""
        failure = _failure_of(error)
        for job, activation in self._closed_again(activation_ids):
            if isinstance(error, errors.InputTooLargeError) and self._orders is not None:
                self._make_smaller(job, activation)
            else:
                self.fail(job, _calls_of(activation.ranges), CallState.ERROR, failure)
        self._launcher.pump()

    def _make_smaller(self, job: Job, activation: Activation) -> None:
        """Try again what is too large for a request: call by call, and with the large part of a call in the store."""
        if sum(part.count for part in activation.ranges) > 1:
            self._start_again(job, activation, alone=True)
            return
        (part,) = activation.ranges

        def put_away() -> None:
            assert self._orders is not None, "it was found too large by them"
            try:
                self._orders.put_away(job, activation.activation_id, part)
            except Exception as error:  # noqa: BLE001 - the border to a plugin
                self.fail(job, (part.first,), CallState.ERROR, _failure_of(error))
            else:
                self._start_again(job, activation)
                self._launcher.pump()

        self._aside.run(put_away)  # whoever tells us may have a thousand connections to look after

    # --- retries and ends

    def _retry(self, job: Job, ranges: tuple[CallRange, ...], delay_s: float) -> None:
        if self._closed:
            self.fail(job, _calls_of(ranges), CallState.CANCELLED, _CLOSED)
            return
        if job.source is None:
            self.fail(job, _calls_of(ranges), CallState.ERROR, _NOT_AGAIN)
            return
        logger.debug("job %s: calls %s again in %.3f s", job.key, ranges, delay_s)

        def submit() -> None:
            if left := remaining(job, ranges):  # it may have been cancelled meanwhile
                self._launcher.submit(job, left)

        self._timers.after(delay_s, submit)

    def _closed_again(self, activation_ids: Sequence[str]) -> Iterator[tuple[Job, Activation]]:
        """Forget activations that have come to nothing; yield those for which nobody else goes on."""
        for activation_id in activation_ids:
            entry = self._opened.close(activation_id)
            if self._speculation is not None and self._speculation.covers(activation_id):
                continue
            if entry is not None:
                yield entry

    def fail(self, job: Job, calls: Iterable[int], state: CallState, failure: Failure | BaseException) -> None:
        """End calls without a report of a worker, unless they have ended."""
        now = time.time()
        ended = 0
        for part in merged(CallRange(first=c, count=1, attempt=0) for c in calls if not job.table.is_over(c)):
            report = codec.report_of_unrun(part, state)
            ended += job.table.fill(report, [failure] * part.count, now)
        if ended and job.table.complete and self._plugins.hears_jobs:
            self._tell_end(job)

    def _tell_end(self, job: Job) -> None:
        """Tell plugins of the end of a job, once, though two threads may have ended its last calls."""
        with self._opened.lock:
            told, job.told = job.told, True
        if not told:
            self._plugins.job_finished(job.info)

    def _give_up(self, activation_id: str, why: str) -> None:
        self.lost(activation_id, Cause.FORGOTTEN, why, ())


_CANCELLED = library_failure(errors.CancelledError, "the call was cancelled")
_CLOSED = library_failure(errors.CancelledError, "the executor was closed before the call had ended")

_NEVER_STARTED = library_failure(errors.WorkerLostError, "the driver ended before it had started this call")
_NOT_AGAIN = library_failure(
    errors.WorkerLostError, "the worker was lost, and the inputs went with the driver, so the call is not tried again"
)


def _calls_of(ranges: Iterable[CallRange]) -> Iterator[int]:
    return (call for part in ranges for call in range(part.first, part.first + part.count))


def _billed_ms(report: Report) -> float:
    """Return what the platform bills, or how long the calls took where it does not say."""
    return 1000 * (max(report.ended) - min(report.started)) if report.billed_ms is None else report.billed_ms


def _failure_of(error: Exception) -> Failure:
    """Describe why a platform will not run calls: as it is, if it is one of ours."""
    kind = type(error)
    if isinstance(error, errors.LithopsError) and getattr(errors, kind.__name__, None) is kind:
        return library_failure(kind, str(error))
    return capture(error)
