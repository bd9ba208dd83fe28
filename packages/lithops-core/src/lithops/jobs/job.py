"""A job: all the calls of one `call_async`, `map` or reduce, as the driver keeps it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from lithops.jobs.attempts import STATES, Attempt
from lithops.records import field, record
from lithops.types import CallSource, CallState, JobInfo, Lane

if TYPE_CHECKING:
    from lithops.jobs.retry import RetryPolicy
    from lithops.jobs.table import JobTable
    from lithops.remote.payloads import Place
    from lithops.storage import Storage


@record
class JobFacts:
    """What does not change over the life of a job."""

    executor_id: str
    job_id: str
    function_name: str
    backend: str
    runtime_name: str
    runtime_memory: int | None
    timeout_s: float
    retry: RetryPolicy
    created: float
    """Wall-clock stamp at which the user asked for the job."""
    serialize_s: float = 0.0
    function_bytes: int = 0
    chunksize: int | None = None
    is_map: bool = False
    parallel: int | None = None
    """Calls that can run at the same time; None if that is not known."""
    lane: Lane = Lane.STREAM


@record
class Locator:
    """Where the result of a pending call will be."""

    storage: Storage
    bucket: str
    key: str
    until: float
    """Wall-clock stamp after which nothing will come any more."""
    secret: bytes = field(repr=False)
    """Signs the result: what a store returns is not unpickled on trust."""


class Job:
    """A job and its table. `first` is the index of the table's first row, other than 0 only for calls met alone."""

    __slots__ = (
        "__weakref__",
        "activations",
        "billed_ms",
        "cancel",
        "common_stats",
        "facts",
        "failed_attempts",
        "first",
        "function_place",
        "key",
        "losses",
        "places",
        "promise",
        "quiet",
        "source",
        "submitted",
        "table",
        "told",
    )

    def __init__(self, facts: JobFacts, table: JobTable, source: CallSource | None, first: int = 0) -> None:
        self.key = f"{facts.executor_id}-{facts.job_id}"
        self.facts = facts
        self.table = table
        self.source = source
        self.first = first
        self.quiet = False  # its results feed another job, so `get_result()` leaves them out
        self.submitted = 0.0
        self.told = False  # plugins have heard of its end
        self.common_stats: dict[str, Any] | None = None  # what is the same for all calls, once somebody has asked
        self.function_place: Place | None = None  # where the function lies, if it is in the store
        self.places: MutableMapping[int, Place] = {}  # inputs that lie in the store, by call
        self.activations = 0  # that have said their last word
        self.billed_ms = 0.0  # of these, as the platform says, or as their workers have measured
        self.losses: dict[int, int] = {}  # calls that lost a worker, how often
        self.failed_attempts: dict[int, list[Attempt]] = {}  # of calls that were tried again
        self.cancel: Callable[[Job, int, int], None] = _nothing_to_cancel
        self.promise: Callable[[Job, int], Locator] | None = None

    def without_results(self) -> Job:
        """Return a job that knows what was measured, but neither inputs nor results."""
        job = Job(self.facts, self.table.without_results(), None, self.first)
        job.submitted, job.quiet = self.submitted, self.quiet
        job.failed_attempts = self.failed_attempts
        return job

    def tried(self, row: int) -> int:
        """Return how many tries of a call have ended."""
        attempt = self.table.attempt_of(row)  # of the report that ended the call; 0 if that came from no worker
        failed = self.failed_attempts.get(row)
        return attempt if failed is None else failed[-1].number + (attempt > 0)

    def attempts(self, row: int) -> tuple[Attempt, ...]:
        """Return the tries of a call that have ended, in order; none of a call that ended without being tried."""
        failed = tuple(self.failed_attempts.get(row, ()))
        table = self.table
        if not (table.is_over(row) and table.attempt_of(row)):
            return failed
        state = table.state[row]
        last = Attempt(
            number=self.tried(row),
            state=STATES[state],
            started=table.started[row],
            ended=table.ended[row],
            worker=table.worker_of(row),
            failure=None if state == CallState.DONE else table.error(row),
        )
        return (*failed, last)

    def forget(self, calls: Iterable[int]) -> None:
        """Drop what is kept of attempts of calls that have ended."""
        for call in calls:
            self.failed_attempts.pop(call, None)
            self.losses.pop(call, None)

    @property
    def owned(self) -> bool:
        """Whether an executor of this process submitted it."""
        return self.cancel is not _nothing_to_cancel

    @property
    def info(self) -> JobInfo:
        """The job as events tell of it."""
        return JobInfo(
            job_key=self.key,
            function_name=self.facts.function_name,
            calls=self.table.calls,
            submitted=self.submitted,
        )


def _nothing_to_cancel(_job: Job, _first: int, _count: int) -> None:
    """A job that was met in a pickle is not ours to stop."""


class LiveJobs:
    """Jobs of this process whose futures have travelled, by key, so that one that comes back finds its own."""

    def __init__(self) -> None:
        self._jobs: weakref.WeakValueDictionary[str, Job] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def add(self, job: Job) -> None:
        """Make a job known."""
        with self._lock:
            self._jobs[job.key] = job

    def find(self, key: str) -> Job | None:
        """Return a job of this process, if it is still in use."""
        with self._lock:
            return self._jobs.get(key)


live_jobs = LiveJobs()
"""Unpickling has no other way to reach what exists, so this belongs to the process."""
