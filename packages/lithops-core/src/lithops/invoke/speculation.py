"""Backup attempts for stragglers: when most calls of a job have ended, what takes far longer than those is started again.

The first report of a call wins, whichever attempt it comes from; no attempt is charged for the other.
"""

from __future__ import annotations

import threading
import time
from bisect import insort
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lithops.config.settings import SpeculationPolicy
    from lithops.invoke.timers import Timers
    from lithops.jobs.job import Job
    from lithops.types import Activation

SHORTEST_LOOK_S = 0.05
"""Between two looks for stragglers, at least."""
SAMPLE = 1000
"""As many durations of a job are kept."""


class Speculation:
    """The backups of one executor."""

    def __init__(
        self,
        policy: SpeculationPolicy,
        opened: Mapping[str, tuple[Job, Activation]],
        timers: Timers,
        back_up: Callable[[Job, Activation], str | None],
    ) -> None:
        """`back_up` starts an activation once more and returns the id of that, or None if there is no room for it."""
        self._policy = policy
        self._opened = opened
        self._timers = timers
        self._back_up = back_up
        self._lock = threading.Lock()
        self._durations: WeakKeyDictionary[Job, list[float]] = WeakKeyDictionary()  # in order
        self._twins: dict[str, str] = {}  # both ways
        self._looking = False

    def took(self, job: Job, activation: Activation) -> None:
        """Take note that an activation has said its last word."""
        with self._lock:
            self._part(activation.activation_id)
            durations = self._durations.setdefault(job, [])
            if len(durations) < SAMPLE:
                insort(durations, time.monotonic() - activation.ordered)
            if self._looking or not self._may_straggle(job):
                return
            self._looking = True
        self._timers.after(self._pause_s(job), self._look)

    def covers(self, activation_id: str) -> bool:
        """Whether an activation that has come to nothing has a twin that goes on; from then on it is that one's own."""
        with self._lock:
            return self._part(activation_id) in self._opened

    def _part(self, activation_id: str) -> str | None:
        twin = self._twins.pop(activation_id, None)
        if twin is not None:
            self._twins.pop(twin, None)
        return twin

    def _may_straggle(self, job: Job) -> bool:
        return not job.table.complete and job.table.over >= self._policy.quantile * job.table.calls

    def _longest_s(self, job: Job) -> float:
        durations = self._durations[job]
        return self._policy.multiplier * durations[len(durations) // 2]

    def _pause_s(self, job: Job) -> float:
        return max(SHORTEST_LOOK_S, self._longest_s(job) / 4)

    def _look(self) -> None:
        """Back up what takes too long, and look again as long as there are jobs that are nearly done."""
        now = time.monotonic()
        opened = list(self._opened.items())
        with self._lock:
            jobs = {job for _, (job, _) in opened if job in self._durations and self._may_straggle(job)}
            longest = {job: self._longest_s(job) for job in jobs}
            late = [
                (name, job, activation)
                for name, (job, activation) in opened
                if job in longest and name not in self._twins and now - activation.ordered > longest[job]
            ]
            self._looking = bool(jobs)
        for name, job, activation in late:
            twin = self._back_up(job, activation)
            if twin is None:
                break
            with self._lock:
                self._twins[name], self._twins[twin] = twin, name
        if jobs:
            self._timers.after(min(map(self._pause_s, jobs)), self._look)
