"""Which calls are tried again after a failure, after what pause, and what becomes of the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lithops import errors
from lithops.invoke.reports import lost_for_good
from lithops.jobs.attempts import Attempt, failed_attempt
from lithops.types import CallState, Cause
from lithops.worker.failure import Failure, library_failure, qualified_name

if TYPE_CHECKING:
    from lithops.jobs.job import Job
    from lithops.types import Report

LOSSES = 2
"""A call whose worker process was killed under it so often is not tried again: it may be what ends them."""
FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 20.0
_STORAGE = qualified_name(errors.StorageError)
_DONE, _ERROR, _LOST = int(CallState.DONE), int(CallState.ERROR), int(CallState.LOST)

OWN_DOING = {
    Cause.CRASHED: errors.WorkerCrashedError,
    Cause.MEMORY: errors.MemoryLimitError,
    Cause.TIMEOUT: errors.CallTimeoutError,
}
"""Ends of an activation that its call has brought about; all others come from outside."""


class Losses:
    """What an executor does about calls that fail."""

    def __init__(self, infrastructure_retries: int) -> None:
        self._most = infrastructure_retries + 1
        self._lock = threading.Lock()
        self.closed = False
        """Nothing is tried again any more."""

    def to_retry(self, job: Job, report: Report, entries: list[object]) -> dict[int, float | None]:
        """Decide which calls of a report are tried again, and after how many seconds.

        None stands for a call that is tried again already: the report has come twice. A call that was lost for the
        last time becomes an error of its own, in `entries`.
        """
        states = report.states
        if states.count(_DONE) == len(states):
            return {}
        again: dict[int, float | None] = {}
        luck = jitter()  # the same for all of them: they ran one after the other, and may do so again
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
            elif state == _LOST and not _lacked_store(entries[k]):
                entries[k] = lost_for_good(entries[k], job.losses[call])
        return again

    def charge(self, job: Job, call: int, attempt: Attempt) -> float | None:
        """Note an attempt whose activation was lost; return within how many seconds there is another, if there is."""
        job.failed_attempts.setdefault(call, []).append(attempt)
        return self._longest_s(job, call, self._most)

    def _delay_s(self, job: Job, call: int, state: int, attempt: int, failure: object, luck: float) -> float | None:
        if state == _LOST:
            longest_s = self._longest_s(job, call, self._most if _lacked_store(failure) else min(LOSSES, self._most))
            return None if longest_s is None else luck * longest_s
        retry = job.facts.retry
        failures = attempt - job.losses.get(call, 0)  # by its own doing; what came from outside is not held against it
        if failures > retry.retries or not retry.covers(failure):
            return None
        return retry.delay_s(failures, luck)

    def _longest_s(self, job: Job, call: int, most: int) -> float | None:
        """Count a loss against a call; return within how many seconds it has another try, None after `most` losses."""
        with self._lock:
            losses = job.losses[call] = job.losses.get(call, 0) + 1
        if losses >= most or self.closed:
            return None
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * 4.0 ** (losses - 1))


def _lacked_store(failure: object) -> bool:
    """Whether a worker could not run a call because the store failed it; no doing of the call's."""
    return isinstance(failure, Failure) and _STORAGE in failure.kinds


def own_failure(cause: Cause, detail: str) -> Failure:
    """Describe a call that took its activation down."""
    return library_failure(OWN_DOING[cause], detail)


def lost_attempt(number: int, cause: Cause, detail: str, now: float) -> Attempt:
    """Note that the worker of an attempt was lost, at wall-clock `now`."""
    loss = library_failure(errors.WorkerLostError, f"the worker was lost ({cause.value}): {detail}")
    return Attempt(number=number, state="Lost", started=None, ended=now, worker="", failure=loss)


def jitter() -> float:
    """Return a number in [0, 1)."""
    import random  # not before something has failed: 3 ms

    return random.random()  # noqa: S311 - jitter, no secret
