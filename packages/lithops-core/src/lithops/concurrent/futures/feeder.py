"""Feeds an executor's calls to the backend, in order: some at a time, those of one function together.

Calls that have not been handed over are still the user's to take back. So no more are handed over than keep all
workers busy: one for each if calls are long, two if they are short, and as many as are done in `AHEAD_S`. They are
packed in one job, which costs little more than a single call. More follow when the last of them run, on the thread that
hears so.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from lithops.errors import ClosedError, LithopsError
from lithops.jobs.packing import PackedCalls, Packer
from lithops.jobs.signature import function_name
from lithops.jobs.waiting import FOREVER
from lithops.pool.interrupts import deferred_interrupts
from lithops.types import Block, CallState
from lithops.worker import codec
from lithops.worker.failure import Failure
from lithops.worker.spread import apply

if TYPE_CHECKING:
    from lithops.concurrent.futures.future import Future
    from lithops.jobs.job import Job
    from lithops.session import Session
    from lithops.worker.spread import Initializer

logger = logging.getLogger(__name__)

AHEAD_S = 0.01
"""Seconds of work that are handed over at once."""
LONG_S = 0.05
"""A call that takes so long is not handed over before a worker is free for it."""
MOST_CALLS = 1024
MOST_BYTES = 128 * 1024
"""Largest job, as each worker that gets a part of it takes in all of it."""
_SIZED = (bytes, str)


Futures = list["Future[Any] | None"]
"""The futures of a job's calls; of those that have ended, nothing is kept."""


class Call(NamedTuple):
    """What a user has submitted."""

    future: Future[Any]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    kind: Callable[..., Any] | str
    """What calls of one job have in common: a plain function, or the name of something else."""


def call_of(future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    """Describe a call."""
    kind = function if type(function) is FunctionType else function_name(function)
    return Call(future, function, args, kwargs, kind)


class Feeder:
    """The calls of one executor, from `add` until they have ended. Thread-safe.

    The program does not end before they have.
    """

    def __init__(self, session: Session, close: Callable[[], None], initializer: Initializer | None = None) -> None:
        """`close` is called when all calls have ended after `end`; it may be called twice."""
        # Not when a call fails: that may be at the end of the program, which is too late to import it.
        from lithops.concurrent.futures.standard_errors import as_standard

        self._as_standard = as_standard
        self._session = session
        self._close = close
        self._initializer = initializer
        self._pump = session.plugins.pump()
        self._options = session.options()
        self._packer = Packer(self._options.include_modules, self._options.exclude_modules)
        self._places = session.limits.parallel_calls
        self._lock = threading.RLock()
        self._settled = threading.Condition(self._lock)
        self._queue: deque[Call] = deque()
        self._held: tuple[Call, object] | None = None  # the next call, packed, if it goes alone
        self._left = 0  # calls that have not ended
        self._under_way = 0  # of them, those handed over
        self._seconds = LONG_S  # that a call takes, lately
        self._handing = False
        self._tellers: set[int] = set()  # threads that are telling a future how its call ended
        self._refusal = ""
        self._closes_when_idle = False
        self._owner = os.getpid()
        self._at_exit = partial(_finish, weakref.ref(self))
        atexit.register(self._at_exit)

    def add(self, calls: Sequence[Call]) -> None:
        """Take calls. Raises `ClosedError` after `end`, and in a process that was forked from the executor's."""
        if os.getpid() != self._owner:  # no lock is safe to take: who held it may not exist in this process
            raise ClosedError("this executor belongs to the process this one was forked from; make a new one here")
        with self._lock:
            if self._refusal:
                raise ClosedError(self._refusal)
            self._queue.extend(calls)
            self._left += len(calls)
        self._hand_over()

    def end(self, why: str, *, wait: bool, cancel: bool = False) -> None:
        """Take no more calls, and close when all have ended; `cancel` those that were not handed over.

        With `wait`, returns when that is done, unless this is the thread that is telling of the end of a call.
        """
        if os.getpid() != self._owner:
            return
        wait = wait and threading.get_ident() not in self._tellers
        with self._lock:
            self._refusal = self._refusal or why
            self._closes_when_idle = not wait
            calls = list(self._queue) if cancel else []
        for call in calls:
            call.future.cancel()
        self._hand_over()  # where an interrupt has kept `add` from it
        if wait and self._pump is not None:
            self._pump.run_until(self._idle, FOREVER)
        with self._settled:
            if wait:
                self._settled.wait_for(self._idle)
            elif self._left:
                return
        atexit.unregister(self._at_exit)
        self._close()

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
        while handing and (self._queue or self._held) and self._under_way < self._few():
            interrupts = deferred_interrupts(_nothing)
            with interrupts:
                handing = self._hand_some()
            interrupts.deliver()

    def _few(self) -> int:
        """How many calls under way are too few."""
        if self._places is None:
            return sys.maxsize
        return self._places if self._seconds >= LONG_S else 2 * self._places

    def _hand_some(self) -> bool:
        """Make one job of the next calls; False if another thread is just doing so."""
        with self._lock:
            if self._handing:
                return False
            self._handing = True
        try:
            enough = self._few()
            if self._places is not None:
                enough = max(enough, int(self._places * AHEAD_S / max(self._seconds, 1e-6)))
            self._start(min(MOST_CALLS, enough - self._under_way))
        finally:
            self._handing = False
        return True

    def _start(self, room: int) -> None:
        kind: Callable[..., Any] | str | None = None
        items: list[object] = []
        futures: Futures = []
        size = 0
        while len(items) < room and size < MOST_BYTES and (packed := self._next(kind)) is not None:
            (future, _, _, _, kind), item = packed
            if not isinstance(item, Block):
                items.append(item)
                futures.append(future)
                size += len(item) if isinstance(item, _SIZED) else 0
            elif not items:
                return self._send(kind, item, [future])
            else:  # its turn comes when these have begun
                self._held = packed
                self._under_way -= 1
                break
        if items and kind is not None:
            self._send(kind, Block(first=0, count=len(items), payload=codec.encode_atoms(items)), futures)

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

    def _send(self, kind: Callable[..., Any] | str, block: Block, futures: Futures) -> None:
        function, name = (apply, kind) if isinstance(kind, str) else (kind, function_name(kind))
        packed = PackedCalls(function=function, name=name, block=block, initializer=self._initializer)
        try:
            self._session.spread(packed, self._options, partial(self._ended, futures))
        except BaseException as error:  # noqa: BLE001 - the user's pickling, or a closed executor
            for future in futures:
                if future is not None:
                    self._finish(future, error)

    # --- ends

    def _ended(self, futures: Futures, job: Job, row: int) -> None:
        table = job.table
        future, futures[row] = futures[row], None
        assert future is not None  # a call ends once
        self._seconds += (table.ended[row] - table.started[row] - self._seconds) / 4
        error: BaseException | None = None
        value: object = None
        if table.state[row] == CallState.DONE:
            try:
                value = table.take(row)
            except BaseException as wrong:  # noqa: BLE001 - unpickling runs user code, and is nobody's but this call's
                error = wrong
        else:
            failure = table.failure(row)
            error = failure.exception() if isinstance(failure, Failure) else failure
        self._finish(future, error, value)

    def _finish(self, future: Future[Any], error: BaseException | None, value: object = None) -> None:
        """Tell a future how its call ended, once, and hand over more."""
        with self._lock:
            if future.feeder is None:
                return
            future.feeder = None
            self._under_way -= 1
        self._hand_over()
        me = threading.get_ident()
        outer = me in self._tellers
        self._tellers.add(me)
        try:
            if isinstance(error, LithopsError):
                error = self._as_standard(error)
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)
        except BaseException:  # of a callback: it must not keep other calls from ending
            logger.exception("a callback of %r failed", future)
        finally:
            if not outer:
                self._tellers.discard(me)
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
