"""The jobs that an executor remembers, so that it can tell of them. Those whose results were taken grow lighter.

Whoever has a future or a list of a job keeps all of the job alive; the executor alone keeps what was measured. So a
loop of large maps takes the memory of one of them, and a plot at its end still shows them all.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lithops.jobs.job import Job

MOST_TAKEN = 1000
"""Taken jobs beyond this many are forgotten, the oldest first."""
LIGHT_BYTES = 16 * 1024
"""Results that take no more than this are kept with their job."""
_FEW = 64


class KeptJobs:
    """Jobs in the order in which they were submitted. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._jobs: list[tuple[int, Job]] = []
        self._taken: deque[tuple[int, Job | _Taken]] = deque(maxlen=MOST_TAKEN)
        self._tidy_at = _FEW

    def add(self, job: Job) -> None:
        """Remember a job."""
        with self._lock:
            jobs = self._jobs
            if jobs and _is_taken(jobs[-1][1]):  # so it is where jobs are submitted and read one by one
                number, last = jobs.pop()
                self._taken.append((number, _lightened(last)))
            self._number += 1
            jobs.append((self._number, job))
            if len(jobs) >= self._tidy_at:
                self._tidy()

    def all(self) -> list[Job]:
        """Return what is left of all jobs."""
        with self._lock:
            entries = [*self._taken, *self._jobs]
        entries.sort(key=itemgetter(0))
        return [entry.job if isinstance(entry, _Taken) else entry for _, entry in entries]

    def unread(self) -> list[Job]:
        """Return the jobs that have results which nobody has taken, but for those that only feed other jobs."""
        with self._lock:
            return [job for _, job in self._jobs if not job.quiet and not _is_taken(job)]

    def _tidy(self) -> None:
        left: list[tuple[int, Job]] = []
        for number, job in self._jobs:
            if _is_taken(job):
                self._taken.append((number, _lightened(job)))
            else:
                left.append((number, job))
        self._jobs = left
        self._tidy_at = max(_FEW, 2 * len(left))


class _Taken:
    """A job whose results are gone unless somebody else has it."""

    __slots__ = ("_rest", "_whole")

    def __init__(self, job: Job) -> None:
        self._whole = weakref.ref(job)
        self._rest = job.without_results()

    @property
    def job(self) -> Job:
        return self._whole() or self._rest


def _lightened(job: Job) -> Job | _Taken:
    job.source = None
    return job if job.table.result_bytes <= LIGHT_BYTES else _Taken(job)


def _is_taken(job: Job) -> bool:
    """Whether all results were taken, by the user or by the job that they feed."""
    table = job.table
    return table.complete and (job.quiet or table.read.count(1) == table.calls)
