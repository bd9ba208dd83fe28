"""Futures that travel: what a pickled future carries, and how one that has not ended gets its result elsewhere.

A pending future is pickled with the place in storage at which its result will be put by the process that owns the
job. Whoever unpickles it in another process has a thread look there, less and less often, until the call's deadline.
"""

from __future__ import annotations

import hmac
import logging
import pickle
import secrets
import threading
import time
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING

from lithops import errors
from lithops.jobs.job import Job, JobFacts, Locator, live_jobs
from lithops.jobs.leftovers import ROOT
from lithops.jobs.table import GONE, JobTable
from lithops.records import record, replaced
from lithops.types import CallState, LogSlice, Payload, Report
from lithops.worker.codec import Pickled, Unloaded
from lithops.worker.failure import Failure, capture, library_failure

if TYPE_CHECKING:
    from lithops.jobs.attempts import Attempt
    from lithops.storage import Storage

logger = logging.getLogger(__name__)

_FIRST_LOOK_S = 0.005
_LONGEST_PAUSE_S = 0.5
_GRACE_S = 60.0
_SIGNATURE_BYTES = 32


@record
class Outcome:
    """What became of a call, ready to be pickled."""

    state: int
    attempt: int
    entry: object
    """A value of `codec.ATOMS`, a `Pickled` one or a `Failure`."""
    started: float
    ended: float
    cpu_user: float
    cpu_system: float
    peak_kb: int
    grown_kb: int
    log: LogSlice | None
    failed_attempts: tuple[Attempt, ...] = ()


@record
class Summary:
    """What a pickled future carries."""

    facts: JobFacts
    submitted: float
    index: int
    outcome: Outcome | None
    locator: Locator | None


def summary(job: Job, row: int) -> Summary:
    """Describe a call for a pickle; if it has not ended, promise that its result will be put into storage.

    Raises `LithopsError` if a pending call's executor has no storage.
    """
    outcome = _outcome(job, row) if job.table.is_over(row) else None
    locator = None
    if outcome is None:
        if job.promise is None:
            raise errors.LithopsError(
                f"call {job.first + row} of job {job.key} has not ended and its executor is not here; "
                "wait for it before you pickle its future"
            )
        locator = job.promise(job, row)
    if job.owned:
        live_jobs.add(job)
    return Summary(facts=job.facts, submitted=job.submitted, index=job.first + row, outcome=outcome, locator=locator)


def revive(carried: Summary) -> tuple[Job, int]:
    """Return the call that a pickle carries, as job and row: of the job itself where that is here."""
    key = f"{carried.facts.executor_id}-{carried.facts.job_id}"
    known = live_jobs.find(key)
    if known is not None and 0 <= carried.index - known.first < known.table.calls:
        return known, carried.index - known.first
    job = Job(carried.facts, JobTable(1), None, first=carried.index)
    job.submitted = carried.submitted
    job.table.sent(0, 1)
    if carried.outcome is not None:
        _settle(job, carried.outcome)
    elif carried.locator is not None:
        locator = carried.locator
        job.promise = lambda _job, _row: locator
        threading.Thread(target=_collect, args=(job, locator), name="lithops-promise", daemon=True).start()
    return job, 0


def keep_promise(job: Job, row: int, locator: Locator) -> None:
    """Put the result of a call where its pickled future looks for it, once there is one."""

    def put(_row: int) -> None:
        try:
            data = pickle.dumps(_outcome(job, row), 5)
            locator.storage.put_object(locator.bucket, locator.key, _signature(locator, data) + data)
        except Exception:
            logger.exception("the result of call %d of job %s cannot be put into storage", job.first + row, job.key)

    job.table.when_over(row, put)


def promiser(storage: Callable[[], Storage], bucket: Callable[[], str]) -> Callable[[Job, int], Locator]:
    """Return what a job needs to let its pending futures travel."""
    made: dict[tuple[str, int], Locator] = {}

    def promise(job: Job, row: int) -> Locator:
        index = job.first + row
        locator = made.get((job.key, index))
        if locator is None:
            locator = Locator(
                storage=storage(),
                bucket=bucket(),
                key=f"{ROOT}{job.key}/promises/{index:05d}",
                until=time.time() + job.facts.timeout_s + _GRACE_S,
                secret=secrets.token_bytes(_SIGNATURE_BYTES),
            )
            made[(job.key, index)] = locator
            keep_promise(job, row, locator)
        return locator

    return promise


def _signature(locator: Locator, data: bytes) -> bytes:
    return hmac.digest(locator.secret, locator.key.encode() + b"\0" + data, "sha256")


def _outcome(job: Job, row: int) -> Outcome:
    table = job.table
    entry = table.value(row) if table.results[row] is GONE else table.results[row]
    state = int(table.state[row])
    if isinstance(entry, BaseException):
        entry = capture(entry)
    elif isinstance(entry, Unloaded):
        entry = entry.pickled()
    elif not isinstance(entry, Failure):
        import cloudpickle

        entry = Pickled(cloudpickle.dumps(entry, protocol=5))
    if isinstance(entry, Pickled) and entry.buffers:
        import cloudpickle

        entry = Pickled(cloudpickle.dumps(entry.load(), protocol=5))
    return Outcome(
        state=state,
        attempt=table.attempt[row],
        entry=entry,
        started=table.started[row],
        ended=table.ended[row],
        cpu_user=table.cpu_user[row],
        cpu_system=table.cpu_system[row],
        peak_kb=table.peak_kb[row],
        grown_kb=table.grown_kb[row],
        log=table.logs.get(row),
        failed_attempts=tuple(job.failed_attempts.get(row, ())),
    )


def _settle(job: Job, outcome: Outcome) -> None:
    report = Report(
        activation_id="",
        first=0,
        count=1,
        attempt=outcome.attempt,
        states=bytes((outcome.state,)),
        results=Payload(body=b""),
        started=array("d", (outcome.started,)),
        ended=array("d", (outcome.ended,)),
        cpu_user=array("f", (outcome.cpu_user,)),
        cpu_system=array("f", (outcome.cpu_system,)),
        peak_kb=array("I", (outcome.peak_kb,)),
        grown_kb=array("I", (outcome.grown_kb,)),
        logs=() if outcome.log is None else (replaced(outcome.log, call=0),),
    )
    if outcome.failed_attempts:
        job.failed_attempts[0] = list(outcome.failed_attempts)
    job.table.fill(report, [outcome.entry], time.time())


def _collect(job: Job, locator: Locator) -> None:
    """Look for a promised result until it is there, or cannot come any more."""
    pause = _FIRST_LOOK_S
    failure = library_failure(
        errors.WorkerLostError,
        f"call {job.first} of job {job.key} left no result in {locator.bucket}/{locator.key} by its deadline; "
        "the process that owned it has probably ended",
    )
    while time.time() < locator.until:
        try:
            data = locator.storage.get_object(locator.bucket, locator.key)
        except (errors.ObjectNotFound, errors.BucketNotFound, errors.StorageUnavailable):
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)
            continue
        except errors.StorageError as error:
            failure = capture(error)
            break
        signature, outcome = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(locator, outcome)):
            message = f"the result in {locator.bucket}/{locator.key} is not signed by the process that owns the call"
            failure = library_failure(errors.StorageError, message)
            break
        _settle(job, pickle.loads(outcome))
        return
    now = time.time()
    _settle(
        job,
        Outcome(
            state=int(CallState.ERROR),
            attempt=1,
            entry=failure,
            started=now,
            ended=now,
            cpu_user=0.0,
            cpu_system=0.0,
            peak_kb=0,
            grown_kb=0,
            log=None,
        ),
    )
