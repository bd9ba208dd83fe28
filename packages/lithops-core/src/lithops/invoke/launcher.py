"""Makes activations of the calls of jobs, as there is room for them, and hands them to the backend."""

from __future__ import annotations

import itertools
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from lithops.invoke.pace import Pace
from lithops.invoke.ranges import batched, remaining
from lithops.invoke.waiting import Waiting
from lithops.invoke.watch import GRACE_S
from lithops.records import replaced
from lithops.types import Activation, CallRange, Lane, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lithops.invoke.opened import Opened
    from lithops.invoke.orders import Orders
    from lithops.invoke.timers import Timers
    from lithops.invoke.watch import Watch
    from lithops.jobs.job import Job
    from lithops.plugins import Plugins
    from lithops.types import Sink

_FOREVER = float("inf")


class Launcher:
    """One per executor."""

    def __init__(
        self,
        plugins: Plugins,
        limits: Limits,
        *,
        lane: Lane,
        orders: Orders | None,
        opened: Opened,
        timers: Timers,
        watch: Watch,
        sink: Sink,
        not_taken: Callable[[Sequence[str], Exception], None],
    ) -> None:
        """`orders` writes requests, if there are any; `not_taken` is told what the backend did not take, and why."""
        self._plugins = plugins
        self._limits = limits
        self._lane = lane
        self._orders = orders
        self._opened = opened
        self._timers = timers
        self._watch = watch
        self._sink = sink
        self._not_taken = not_taken
        self._takes_all = limits.calls_per_activation is None and limits.in_flight is None
        self._waiting = Waiting(limits.calls_per_activation, limits.activations_per_request)
        self._token, self._ids = os.urandom(6).hex(), itertools.count()
        self._pumping = self._pausing = False
        self.pace = Pace(limits.in_flight)
        """Call it with the lock of the open activations held."""
        self.closed = False
        """Nothing is started any more."""

    @property
    def waits(self) -> bool:
        """Whether there are calls that wait for room."""
        return bool(self._waiting)

    def submit(self, job: Job, ranges: Iterable[CallRange]) -> None:
        """Start calls of a job; returns when the backend has taken as many as it wants at once."""
        if self._takes_all and not self.closed:
            alike = itertools.groupby(ranges, key=_attempt)  # an activation speaks of one attempt
            self._hand_over(job, [self._activation(job, tuple(part), i) for i, (_, part) in enumerate(alike)])
            return
        with self._opened.lock:
            self._waiting.add(job, ranges)
        self.pump()

    def put_back(self, job: Job, ranges: Iterable[CallRange]) -> None:
        """Line up calls again before the others of their job; `pump` starts them."""
        with self._opened.lock:
            self._waiting.add(job, ranges, first=True)

    def clear(self) -> list[Job]:
        """Forget what waits; return the jobs it belonged to."""
        with self._opened.lock:
            return self._waiting.clear()

    def pump(self) -> None:
        """Hand over as many activations as the backend has room for.

        On one thread at a time, which comes back for what the others would have done: a backend may answer at once.
        """
        with self._opened.lock:
            if self._pumping:
                return
            self._pumping = True
        try:
            while (taken := self._next_batch()) is not None:
                self._hand_over(*taken)
        except BaseException:  # somebody pressed Ctrl-C
            self._pumping = False
            raise

    def back_up(self, job: Job, activation: Activation) -> str | None:
        """Start an activation once more if there is room; return the id of the other one."""
        with self._opened.lock:
            ranges = tuple(remaining(job, activation.ranges))
            if self.closed or not ranges or self.pace.room(len(self._opened)) == 0:
                return None
            backup = self._activation(job, ranges, 0, backup_of=activation.activation_id)
        self._hand_over(job, [backup])
        return backup.activation_id

    def _next_batch(self) -> tuple[Job, list[Activation]] | None:
        with self._opened.lock:
            pause_s = self.pace.pause_s  # read once: who finds none must not wait for its end
            if pause_s > 0:
                self._pause(pause_s)
            elif not self.closed and (room := self.pace.room(len(self._opened))) != 0:
                taken = self._waiting.take(room)
                if taken is not None:
                    job, pieces = taken
                    return job, [self._activation(job, ranges, index) for index, ranges in enumerate(pieces)]
            self._pumping = False  # in the same breath, so that nobody who comes now is overlooked
            return None

    def _pause(self, pause_s: float) -> None:
        if self._waiting and not self._pausing:
            self._pausing = True
            self._timers.after(pause_s, self._end_pause)

    def _end_pause(self) -> None:
        self._pausing = False
        self.pump()

    def _hand_over(self, job: Job, activations: Sequence[Activation]) -> None:
        if self._orders is not None and self._limits.activations_per_request > 1:
            for several in batched(activations, self._limits.activations_per_request):
                self._hand_over_array(self._orders, job, several)
        else:
            self._invoke(job, activations)

    def _hand_over_array(self, orders: Orders, job: Job, activations: Sequence[Activation]) -> None:
        """Hand over activations that share a request; what each has to do is put into the store before."""
        try:
            request = orders.gathered(job, activations)
        except Exception as error:  # noqa: BLE001 - the border to a plugin
            self._not_taken([activation.activation_id for activation in activations], error)
            return
        self._invoke(job, [replaced(a, payload=lambda: request, index=index) for index, a in enumerate(activations)])

    def _invoke(self, job: Job, activations: Sequence[Activation]) -> None:
        try:
            self._plugins.invoke(activations, self._sink)
        except Exception as error:  # noqa: BLE001 - the border to a plugin
            names = [activation.activation_id for activation in activations]
            self._not_taken([name for name in names if not self._opened.is_accepted(name)], error)
            return
        for activation in activations:
            for part in activation.ranges:
                job.table.sent(part.first, part.count)

    def _activation(
        self, job: Job, ranges: tuple[CallRange, ...], index: int, backup_of: str | None = None
    ) -> Activation:
        """Order calls of a job from the backend; from now on the activation is open."""
        activation_id = f"{self._token}-{next(self._ids)}"
        payload, ordered, deadline = None, 0.0, _FOREVER
        if self._orders is not None:
            payload, ordered = partial(self._orders.rendered, job, activation_id, ranges), time.monotonic()
            longest = min(sum(part.count for part in ranges) * job.facts.timeout_s, self._limits.longest_s or _FOREVER)
            deadline = ordered + longest + GRACE_S
        activation = Activation(
            activation_id=activation_id,
            job_key=job.key,
            ranges=ranges,
            lane=self._lane,
            timeout_s=job.facts.timeout_s,
            ordered=ordered,
            deadline=deadline,
            source=job.source if payload is None else None,
            payload=payload,
            chunksize=job.facts.chunksize,
            index=index,
            backup_of=backup_of,
        )
        self._opened.add(job, activation)
        self._watch.begin(job.facts.timeout_s)
        return activation


def _attempt(part: CallRange) -> int:
    return part.attempt
