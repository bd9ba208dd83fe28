"""Feeds an executor's calls to the backend, in order: some at a time, those of one function together.

They are packed in jobs, each of which costs little more than a single call. More follow when the last of them run, on
the thread that hears so.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lithops.concurrent.futures.calls import Batch
from lithops.concurrent.futures.pace import Pace
from lithops.concurrent.futures.telling import Teller, outcome_of
from lithops.errors import ClosedError, refuse_forked
from lithops.jobs.packing import Packer
from lithops.jobs.waiting import FOREVER
from lithops.pool.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from lithops.concurrent.futures.calls import Call, Futures
    from lithops.concurrent.futures.future import Future
    from lithops.jobs.job import Job
    from lithops.session import Session
    from lithops.worker.spread import Initializer


class Feeder:
    """The calls of one executor, from `add` until they have ended. Thread-safe.

    The program does not end before they have.
    """

    def __init__(self, session: Session, close: Callable[[], None], initializer: Initializer | None = None) -> None:
        """`close` is called when all calls have ended after `end`; it may be called twice."""
        self._session = session
        self._close = close
        self._initializer = initializer
        self._pump = session.plugins.pump()
        self._options = session.options()
        self._packer = Packer(self._options.include_modules, self._options.exclude_modules)
        self._pace = Pace(session.limits.parallel_calls)
        self._teller = Teller()
        self._lock = threading.RLock()
        self._settled = threading.Condition(self._lock)
        self._queue: deque[Call] = deque()
        self._held: tuple[Call, object] | None = None  # the next call, packed, if it goes alone
        self._left = 0  # calls that have not ended
        self._under_way = 0  # of them, those handed over
        self._handing = False
        self._refusal = ""
        self._closes_when_idle = False
        self._owner = os.getpid()
        self._at_exit = partial(_finish, weakref.ref(self))
        atexit.register(self._at_exit)
        weakref.finalize(self, atexit.unregister, self._at_exit).atexit = False

    def add(self, calls: Sequence[Call]) -> None:
        """Take calls. Raises `ClosedError` after `end`, and in a process that was forked from the executor's."""
        refuse_forked("executor", self._owner)
        with self._lock:
            if self._refusal:
                raise ClosedError(self._refusal)
            self._queue.extend(calls)
            self._left += len(calls)
        self._hand_over()

    def end(self, why: str, *, wait: bool, cancel: bool = False) -> None:
        """Take no more calls, and close when all have ended; `cancel` those that were not handed over.

        With `wait`, returns when that is done, unless this is the thread that is telling of the end of a call. An
        interrupt ends the wait and the calls.
        """
        if os.getpid() != self._owner:
            return
        wait = wait and not self._teller.is_this_thread
        with self._lock:
            self._refusal = self._refusal or why
            self._closes_when_idle = not wait
        try:
            if cancel:
                self._cancel_queued()
            self._hand_over()  # where an interrupt has kept `add` from it
            if wait:
                self._wait_until_idle()
        except BaseException:  # Ctrl-C, or what a signal handler raises
            self.give_up(why)
            raise
        if not self._left:
            self._close_now()

    def give_up(self, why: str) -> None:
        """Take no more calls, cancel those that were not handed over, and close, whatever still runs."""
        if os.getpid() == self._owner:
            self._refusal = self._refusal or why
            self._cancel_queued()
            self._close_now()

    def _close_now(self) -> None:
        atexit.unregister(self._at_exit)
        self._close()

    def _cancel_queued(self) -> None:
        for call in list(self._queue):
            call.future.cancel()

    def _wait_until_idle(self) -> None:
        if self._pump is not None:
            self._pump.run_until(self._idle, FOREVER)
        with self._settled:
            self._settled.wait_for(self._idle)

    def _idle(self) -> bool:
        return not self._left

    # --- what futures ask for

    def drive(self, future: Future[Any], timeout: float | None) -> float | None:
        """Read results on this thread until the future is done or the time is over; return what is left of it."""
        if self._pump is None:
            return timeout
        deadline = FOREVER if timeout is None else time.monotonic() + timeout
        self._pump.run_until(lambda: future.feeder is None, deadline)
        return None if timeout is None else deadline - time.monotonic()

    def attend(self) -> None:
        """Have results read at once, by a thread of the backend's own."""
        if self._pump is not None:
            self._pump.attend()

    def forget(self, future: Future[Any]) -> None:
        """Let go of a call that was cancelled."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if future.feeder is None:
                return
            future.feeder = None
            future.set_running_or_notify_cancel()
        self._gone()

    # --- handing over

    def _hand_over(self) -> None:
        """Hand over calls while there are few; one thread at a time does, for calls are to begin in their order."""
        handing = True
        while handing and (self._queue or self._held) and self._under_way < self._pace.few:
            interrupts = deferred_interrupts(_nothing)
            with interrupts:
                handing = self._hand_some()
            interrupts.deliver()

    def _hand_some(self) -> bool:
        """Make one job of the next calls; False if another thread is just doing so."""
        with self._lock:
            if self._handing:
                return False
            self._handing = True
        try:
            room = self._pace.enough - self._under_way
            batch = Batch()
            while (self._queue or self._held) and batch.has_room(room):
                if (packed := self._next(batch.kind)) is None:
                    break
                if not batch.add(*packed):  # its turn comes when these have begun
                    self._held = packed
                    self._under_way -= 1
                    break
            if batch.futures:
                self._send(batch)
        finally:
            self._handing = False
        return True

    def _next(self, kind: Callable[..., Any] | str | None) -> tuple[Call, object] | None:
        """Take the next call, if it is of this kind. From now on it cannot be cancelled."""
        if self._held is not None:
            packed, self._held = self._held, None
            self._under_way += 1
            return packed
        while (call := self._take(kind)) is not None:
            try:
                return call, self._packer.pack(call.function, call.args, call.kwargs)
            except BaseException as error:  # noqa: BLE001 - the user's pickling: it is nobody's but this call's
                self._finish(call.future, error)
        return None

    def _take(self, kind: Callable[..., Any] | str | None) -> Call | None:
        with self._lock:
            while self._queue and kind in (None, self._queue[0].kind):
                call = self._queue.popleft()
                if call.future.feeder is None:
                    continue  # it was cancelled, and who waits for it was told
                if call.future.set_running_or_notify_cancel():
                    self._under_way += 1
                    return call
                call.future.feeder = None
                self._gone()
        return None

    def _send(self, batch: Batch) -> None:
        futures = batch.futures
        try:
            self._session.spread(batch.packed(self._initializer), self._options, partial(self._ended, futures))
        except BaseException as error:  # noqa: BLE001 - the user's pickling, or a closed executor
            for future in futures:
                if future is not None:
                    self._finish(future, error)

    # --- ends

    def _ended(self, futures: Futures, job: Job, row: int) -> None:
        table = job.table
        future, futures[row] = futures[row], None
        assert future is not None  # a call ends once
        self._pace.took(table.ended[row] - table.started[row])
        self._finish(future, *outcome_of(table, row))

    def _finish(self, future: Future[Any], error: BaseException | None, value: object = None) -> None:
        """Tell a future how its call ended, once, and hand over more."""
        with self._lock:
            if future.feeder is None:
                return
            future.feeder = None
            self._under_way -= 1
        if self._queue or self._held:
            self._hand_over()
        try:
            self._teller.tell(future, error, value)
        finally:
            self._gone()

    def _gone(self) -> None:
        """Count a call that has ended, and close after the last one if nobody is waiting to do so."""
        with self._lock:
            self._left -= 1
            idle = not self._left
            if idle and self._refusal:  # nobody waits before
                self._settled.notify_all()
        if self._pump is not None:
            self._pump.wake()
        if idle and self._closes_when_idle:
            atexit.unregister(self._at_exit)
            threading.Thread(target=self._close, name="lithops-close").start()


def _finish(reference: weakref.ref[Feeder]) -> None:
    feeder = reference()
    if feeder is not None:
        feeder.end("cannot schedule new futures after interpreter shutdown", wait=True)


def _nothing() -> None:
    """An interrupt is noted; nobody has to be woken for it."""
