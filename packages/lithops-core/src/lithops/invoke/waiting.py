"""Calls that wait for room at the backend: jobs take turns, and ranges are cut when they are taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lithops.invoke.ranges import remaining, split
from lithops.types import CallRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lithops.jobs.job import Job

QUANTUM = 64
"""Activations of one job that may start before another job has its turn."""


class Waiting:
    """Ranges of calls by job. A million calls that wait are one range."""

    def __init__(self, most_calls: int | None, together: int) -> None:
        """`most_calls` is what an activation may have; None: as many as there are.

        `together` activations can be handed over at once, so a job has its turn for as many at least.
        """
        self._most_calls = most_calls
        self._quantum = max(QUANTUM, together)
        self._jobs: deque[Job] = deque()
        self._ranges: dict[Job, deque[CallRange]] = {}

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def add(self, job: Job, ranges: Iterable[CallRange], *, first: bool = False) -> None:
        """Line up calls of a job, `first` before those that it has here already; ranges are never joined."""
        if job not in self._ranges:
            self._ranges[job] = deque()
            self._jobs.append(job)
        if first:
            self._ranges[job].extendleft(reversed(tuple(ranges)))
        else:
            self._ranges[job].extend(ranges)

    def take(self, most: int | None) -> tuple[Job, list[tuple[CallRange, ...]]] | None:
        """Return a job and the ranges of its next activations, at most `most`; None if nothing waits."""
        while self._jobs:
            job = self._jobs[0]
            ranges = self._ranges[job]
            taken = self._pieces(job, ranges, self._quantum if most is None else min(most, self._quantum))
            if ranges:
                self._jobs.rotate(-1)
            else:
                self._jobs.popleft()
                del self._ranges[job]
            if taken:
                return job, taken
        return None

    def clear(self) -> list[Job]:
        """Forget everything; return the jobs it belonged to."""
        jobs = list(self._jobs)
        self._jobs.clear()
        self._ranges.clear()
        return jobs

    def _pieces(self, job: Job, ranges: deque[CallRange], most: int) -> list[tuple[CallRange, ...]]:
        size = self._size(job)
        taken: list[tuple[CallRange, ...]] = []
        while ranges and len(taken) < most:
            part = ranges.popleft()
            count = part.count if size is None else min(part.count, size * (most - len(taken)))
            if count < part.count:
                rest = CallRange(first=part.first + count, count=part.count - count, attempt=part.attempt)
                ranges.appendleft(rest)
                part = CallRange(first=part.first, count=count, attempt=part.attempt)
            for piece in split(part, size):
                if not any(map(job.table.is_over, range(piece.first, piece.first + piece.count))):
                    taken.append((piece,))
                elif left := remaining(job, (piece,)):  # some were cancelled meanwhile
                    taken.append(tuple(left))
        return taken

    def _size(self, job: Job) -> int | None:
        wanted, most = job.facts.chunksize, self._most_calls
        return most if wanted is None or most is None else min(wanted, most)
