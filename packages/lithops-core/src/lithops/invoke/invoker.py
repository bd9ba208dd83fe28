"""Hands a job's calls to the backend as activations, and is the sink of what becomes of them.

Pure bookkeeping under one lock, which is not held while a plugin is called. A job of a million calls is one
activation for a stream backend; for others, activations are made as the backend has room for them.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lithops import errors
from lithops.invoke.ranges import merged, remaining, split
from lithops.invoke.reports import lost_for_good, validated
from lithops.invoke.timers import Timers
from lithops.jobs.attempts import Attempt, failed_attempt
from lithops.records import replaced
from lithops.types import (
    Activation,
    CallRange,
    CallState,
    CancelRequest,
    Cause,
    Lane,
    Limits,
    Receipt,
    Report,
)
from lithops.worker import codec
from lithops.worker.failure import Failure, capture, library_failure

if TYPE_CHECKING:
    from lithops.jobs.job import Job
    from lithops.plugins import Plugins

logger = logging.getLogger(__name__)

GRACE_S = 60.0
"""How much longer than a call may take a backend may be silent before its calls are given up."""
LOSSES = 2
"""A call that lost its worker so often is not tried again."""
_FOREVER = float("inf")
_DONE, _ERROR, _LOST = int(CallState.DONE), int(CallState.ERROR), int(CallState.LOST)
_LOST_DELAY_S = 0.05
_THROTTLED_DELAY_S = 1.0


class Invoker:
    """One per executor."""

    def __init__(self, plugins: Plugins, limits: Limits, *, infrastructure_retries: int) -> None:
        self._plugins = plugins
        self._limits = limits
        self._takes_all = limits.calls_per_activation is None and limits.in_flight is None
        self._losses = min(LOSSES, infrastructure_retries + 1)
        self._sink = plugins.wrap_sink(self)
        self._lock = threading.RLock()
        self._ids = itertools.count()
        self._open: dict[str, tuple[Job, Activation]] = {}
        self._receipts: dict[str, Receipt] = {}
        self._waiting: deque[tuple[Job, CallRange]] = deque()
        self._timers = Timers()
        self._heard = time.monotonic()
        self._watching = False
        self._closed = False
        self._token = os.urandom(6).hex()

    @property
    def busy(self) -> bool:
        """Whether calls are under way."""
        return bool(self._open or self._waiting)

    def submit(self, job: Job, ranges: Iterable[CallRange]) -> None:
        """Start calls of a job; returns when the backend has taken as many as it wants at once."""
        if not self._watching and job.facts.timeout_s != _FOREVER:
            self._begin_to_watch(job.facts.timeout_s)
        if self._takes_all and not self._closed:
            alike = itertools.groupby(ranges, key=_attempt)  # an activation speaks of one attempt
            self._hand_over(job, [self._activation(job, tuple(part), i) for i, (_, part) in enumerate(alike)])
            return
        limit = self._limits.calls_per_activation
        with self._lock:
            for part in ranges:
                self._waiting.extend((job, piece) for piece in split(part, limit))
        self._pump()

    def cancel(self, job: Job, first: int, count: int) -> None:
        """End calls that have not ended, as cancelled, and have the backend stop them."""
        with self._lock:
            receipts = tuple(
                self._receipts[i] for i, (owner, _) in self._open.items() if owner is job and i in self._receipts
            )
        self.fail(job, range(first, first + count), CallState.CANCELLED, _CANCELLED)
        if receipts and self._plugins.can_cancel:
            part = CallRange(first=first, count=count)
            self._plugins.cancel(CancelRequest(receipts=receipts, ranges=(part,)))

    def close(self) -> None:
        """Start nothing more; idempotent."""
        self._closed = True
        self._timers.close()

    def abandon(self, others: Iterable[Job] = ()) -> None:
        """End every call that has not ended, as cancelled, those of `others` too: there will be no more reports."""
        with self._lock:
            jobs = {id(job): job for job, _ in (*self._open.values(), *self._waiting)}
            jobs.update((id(job), job) for job in others if not job.table.complete)
            self._open.clear()
            self._waiting.clear()
        for job in jobs.values():
            self.fail(job, range(job.table.calls), CallState.CANCELLED, _CLOSED)

    # --- starting

    def _pump(self) -> None:
        """Hand over as many activations as the backend has room for."""
        while not self._closed:
            with self._lock:
                batch = self._take_batch()
            if not batch:
                return
            self._hand_over(batch[0][0], [activation for _, activation in batch])

    def _hand_over(self, job: Job, activations: Sequence[Activation]) -> None:
        try:
            self._plugins.invoke(activations, self._sink)
        except Exception as error:  # noqa: BLE001 - the border to a plugin
            self.refused([a.activation_id for a in activations if a.activation_id not in self._receipts], error)
            return
        for activation in activations:
            for part in activation.ranges:
                job.table.sent(part.first, part.count)

    def _take_batch(self) -> list[tuple[Job, Activation]]:
        """Take activations of one job off the queue, as many as go into one hook call."""
        most = self._limits.in_flight
        batch: list[tuple[Job, Activation]] = []
        while self._waiting and (most is None or len(self._open) < most):
            job, part = self._waiting[0]
            if batch and batch[0][0] is not job:
                break
            self._waiting.popleft()
            if not job.table.complete:
                batch.append((job, self._activation(job, (part,), len(batch))))
        return batch

    def _begin_to_watch(self, timeout_s: float) -> None:
        with self._lock:
            if not self._watching:
                self._watching = True
                self._heard = time.monotonic()
                self._timers.after(timeout_s + GRACE_S, self._watch)

    def _activation(self, job: Job, ranges: tuple[CallRange, ...], index: int) -> Activation:
        """Order calls of a job from the backend; from now on the activation is open."""
        activation = Activation(
            activation_id=f"{self._token}-{next(self._ids)}",
            job_key=job.key,
            ranges=ranges,
            lane=Lane.STREAM,
            timeout_s=job.facts.timeout_s,
            deadline=_FOREVER,
            source=job.source,
            chunksize=job.facts.chunksize,
            index=index,
        )
        self._open[activation.activation_id] = job, activation
        return activation

    # --- the sink

    def accepted(self, receipt: Receipt) -> None:
        """See `lithops.types.Sink`."""
        with self._lock:
            for activation_id in receipt.activation_ids:
                if activation_id in self._open:
                    self._receipts[activation_id] = receipt

    def started(self, activation_ids: Sequence[str], at: float) -> None:
        """See `lithops.types.Sink`."""
        self._heard = time.monotonic()

    def reported(self, reports: Sequence[Report]) -> None:
        """See `lithops.types.Sink`."""
        self._heard = time.monotonic()
        at = time.time()
        ended: list[tuple[Job, Report]] = []
        for report in reports:
            entry = self._open.get(report.activation_id)
            if entry is None:
                continue  # late: it was given up, or has said its last word already
            job, activation = entry
            try:
                entries = validated(report, activation)
            except Exception as error:  # noqa: BLE001 - whatever a remote side may send
                self.lost(report.activation_id, Cause.FORGED, f"a report cannot be read: {error}", ())
                continue
            again = self._to_retry(job, report, entries)
            if _LOST in report.states:  # what is not tried again is an error by now
                report = replaced(report, states=report.states.replace(bytes((_LOST,)), bytes((_ERROR,))))
            fresh = job.table.fill(report, entries, at, again)
            if job.failed_attempts and not job.table.remembers:
                job.forget(call for call in range(report.first, report.first + report.count) if call not in again)
            if report.final:
                with self._lock:
                    self._open.pop(report.activation_id, None)
                    self._receipts.pop(report.activation_id, None)
            if fresh:
                ended.append((job, report))
            for delay_s, calls in itertools.groupby(again, key=again.__getitem__):
                if delay_s is not None:
                    parts = (CallRange(first=call, count=1, attempt=report.attempt + 1) for call in calls)
                    self._retry(job, tuple(merged(parts)), delay_s)
        for job, report in ended if self._plugins.hears_jobs else ():
            self._plugins.calls_finished(job.info, [report])
            if job.table.complete:
                self._tell_end(job)
        if self._waiting:
            self._pump()

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        """See `lithops.types.Sink`."""
        with self._lock:
            entry = self._open.pop(activation_id, None)
            self._receipts.pop(activation_id, None)
        if entry is None:
            return
        job, activation = entry
        if self._closed:  # that is how a backend ends what still runs
            self.fail(job, _calls_of(activation.ranges), CallState.CANCELLED, _CLOSED)
            return
        table = job.table
        free = set(_calls_of(not_begun))
        loss = library_failure(errors.WorkerLostError, f"the worker was lost ({cause.value}): {detail}")
        now = time.time()
        again: list[CallRange] = []
        dead: list[int] = []
        for part in activation.ranges:
            for call in range(part.first, part.first + part.count):
                if table.is_over(call) or job.tried(call) >= part.attempt:
                    continue
                if call in free:
                    again.append(CallRange(first=call, count=1, attempt=part.attempt))
                    continue
                attempt = Attempt(number=part.attempt, state="Lost", started=None, ended=now, worker="", failure=loss)
                job.failed_attempts.setdefault(call, []).append(attempt)
                if self._charge(job, call):
                    again.append(CallRange(first=call, count=1, attempt=part.attempt + 1))
                else:
                    dead.append(call)
        if dead:
            message = f"the worker was lost {self._losses} times ({cause.value}): {detail}"
            self.fail(job, dead, CallState.ERROR, library_failure(errors.WorkerLostError, message))
        if again:
            self._retry(job, tuple(merged(again)), _luck() * _LOST_DELAY_S)

    def throttled(self, activation_ids: Sequence[str], retry_after_s: float | None) -> None:
        """See `lithops.types.Sink`."""
        for job, activation in self._closed_again(activation_ids):
            delay = retry_after_s if retry_after_s is not None else _luck() * _THROTTLED_DELAY_S
            self._retry(job, activation.ranges, delay)

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        """See `lithops.types.Sink`."""
        failure = capture(error)
        for job, activation in self._closed_again(activation_ids):
            self.fail(job, _calls_of(activation.ranges), CallState.ERROR, failure)

    # --- retries and ends

    def _to_retry(self, job: Job, report: Report, entries: list[object]) -> dict[int, float | None]:
        """Decide which calls of a report are tried again, and after how many seconds.

        None stands for a call that is tried again already: the report has come twice. A call that was lost for the
        last time becomes an error of its own, in `entries`.
        """
        states = report.states
        if states.count(_DONE) == len(states):
            return {}
        again: dict[int, float | None] = {}
        luck = _luck()  # the same for all of them: they ran one after the other, and may do so again
        with self._lock:
            for k, state in enumerate(states):
                call = report.first + k
                if job.table.is_over(call) or state not in (_ERROR, _LOST):
                    continue
                if job.tried(call) >= report.attempt:
                    again[call] = None
                    continue
                delay_s = self._delay_s(job, call, state, report.attempt, entries[k], luck)
                if delay_s is not None:
                    again[call] = delay_s
                    job.failed_attempts.setdefault(call, []).append(failed_attempt(report, k, entries[k]))
                elif state == _LOST:
                    entries[k] = lost_for_good(entries[k], job.losses[call])
        return again

    def _delay_s(self, job: Job, call: int, state: int, attempt: int, failure: object, luck: float) -> float | None:
        """Say after how many seconds a call that failed is tried again, None if it is not."""
        if state == _LOST:
            return luck * _LOST_DELAY_S if self._charge(job, call) else None
        retry = job.facts.retry
        failures = attempt - job.losses.get(call, 0)  # by its own doing; what came from outside is not held against it
        if failures > retry.retries or not retry.covers(failure):
            return None
        return retry.delay_s(failures, luck)

    def _charge(self, job: Job, call: int) -> bool:
        """Count a lost worker against a call; return whether it may have another."""
        with self._lock:
            losses = job.losses[call] = job.losses.get(call, 0) + 1
        return losses < self._losses and not self._closed

    def _retry(self, job: Job, ranges: tuple[CallRange, ...], delay_s: float) -> None:
        if self._closed:
            self.fail(job, _calls_of(ranges), CallState.CANCELLED, _CLOSED)
            return
        logger.debug("job %s: calls %s again in %.3f s", job.key, ranges, delay_s)

        def submit() -> None:
            if left := remaining(job, ranges):  # it may have been cancelled meanwhile
                self.submit(job, left)

        self._timers.after(delay_s, submit)

    def _closed_again(self, activation_ids: Sequence[str]) -> Iterator[tuple[Job, Activation]]:
        for activation_id in activation_ids:
            with self._lock:
                entry = self._open.pop(activation_id, None)
                self._receipts.pop(activation_id, None)
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
        with self._lock:
            told, job.told = job.told, True
        if not told:
            self._plugins.job_finished(job.info)

    def _watch(self) -> None:
        """End what a backend has forgotten: nothing was heard of anything for longer than any call may take."""
        with self._lock:
            if not self.busy:
                self._watching = False
                return
            silent = time.monotonic() - self._heard
            longest = max((job.facts.timeout_s for job, _ in self._open.values()), default=0.0) + GRACE_S
            overdue = [] if silent < longest else list(self._open)
            if longest != _FOREVER:
                self._timers.after(max(1.0, longest - silent), self._watch)
        for activation_id in overdue:
            self.lost(activation_id, Cause.FORGOTTEN, f"the backend has said nothing for {silent:.0f} s", ())


_CANCELLED = library_failure(errors.CancelledError, "the call was cancelled")
_CLOSED = library_failure(errors.CancelledError, "the executor was closed before the call had ended")


def _calls_of(ranges: Iterable[CallRange]) -> Iterator[int]:
    return (call for part in ranges for call in range(part.first, part.first + part.count))


def _attempt(part: CallRange) -> int:
    return part.attempt


def _luck() -> float:
    import random  # not before something has failed: 3 ms

    return random.random()  # noqa: S311 - jitter, no secret
