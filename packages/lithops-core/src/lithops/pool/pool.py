"""The supervisor of worker processes on this host: hands out calls, takes back unbegun ones, reports how they ended.

Whoever waits for a result reads the streams (`run_until`); a thread of the pool's own does so when nobody waits. All
state is guarded by one lock, which is never held while a sink is told something.

Over 400 lines, because the states of a worker (fed, reporting, dying) are one thing and read better in one place.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from lithops.errors import BackendError, ClosedError, LithopsError, refuse_forked
from lithops.pool import frames, shared
from lithops.pool.deaths import Death, ending, verdict
from lithops.pool.dispatch import STEAL_S, Dispatcher
from lithops.pool.interrupts import deferred_interrupts
from lithops.pool.library import Library
from lithops.pool.logs import last_output, last_words, remove_empty
from lithops.pool.run import Doom, Run, Slot, not_begun
from lithops.pool.starter import Zygote
from lithops.pool.zygote import Setup
from lithops.types import Activation, CallRange, CallState, Cause, LogSlice, Payload, Receipt, Report, Sink
from lithops.worker import codec, page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lithops.pool.frames import Connection, Frame
    from lithops.pool.options import PoolOptions
    from lithops.worker.failure import Failure

logger = logging.getLogger(__name__)

DOZE_S = 0.002
"""How long the pool's own thread leaves the streams to somebody who may be about to wait."""
LINGER_S = 0.1
"""How long an idle pool keeps large shared buffers: the next activation may have them, too."""
BEGIN_S = 10.0
"""How much longer than a call may take a worker may need to begin one, before it is taken for stuck."""
SETBACKS = 10
"""So often in a row workers may end before any of them got anywhere."""
LONGEST_SELECT_S = 86_400.0
"""Selectors refuse to wait longer than some weeks; who waits longer looks again."""
_FAILED = "the worker pool has failed: {}; make a new executor"
_FOREVER = float("inf")


class Pool:
    """Warm workers behind `submit`; a `Pump` for threads that wait."""

    def __init__(self, options: PoolOptions) -> None:
        """Start the zygote at once, workers when there is work for them."""
        self._options = options
        self._lock = threading.RLock()
        self._leading = threading.Lock()
        self._leader = 0
        self._wanted = threading.Event()
        self._attended = threading.Event()
        self._told: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
        self._telling = threading.Lock()
        self._waiting = False  # the leader is in `select`, where an exception can do no harm
        self._setbacks = 0  # deaths and failures since a worker last got anywhere
        self._open: dict[str, Run] = {}
        self._slots = [Slot(i) for i in range(options.workers)]
        self._by_pid: dict[int, Slot] = {}
        self._share = shared.available()
        self._closed = False
        self._broken: str | None = None
        self._owner = os.getpid()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._library = Library(self._slots, share=self._share)
        self._dispatch = Dispatcher(
            self._slots, self._library, spawn=self._spawn, kill=self._kill, wait_to_write=self._wait_to_write
        )
        descriptor, self._page = page.create(options.workers)
        try:
            self._zygote = self._start_zygote(descriptor)
        except BaseException:
            self._close_selector()
            raise
        finally:
            os.close(descriptor)
        self._thread: threading.Thread | None = None

    # --- what others call

    def check(self) -> None:
        """Wait until the interpreter has started, and refuse one of another minor version than the driver's."""
        self._zygote.check()

    def submit(self, activation: Activation, sink: Sink, receipt: Receipt) -> None:
        """Take an activation, tell the sink so with `receipt`, and report its calls as they end.

        Raises:
            ClosedError: the pool was closed, or belongs to the process this one was forked from.
            BackendError: the process that starts workers has died.
        """
        if activation.source is None:
            raise BackendError(f"activation {activation.activation_id!r} has no source, which a stream backend needs")
        run = Run(activation, activation.source, sink)
        refuse_forked("executor", self._owner)
        with self._lock:
            self._must_be_usable()
            sink.accepted(receipt)
            self._open[activation.activation_id] = run
            self._library.hold(run.source.shared)
            self._dispatch.add(run)
            try:
                self._dispatch.feed()
            except Exception as error:  # noqa: BLE001 - it is taken, so whoever waits for it must hear of it
                self._fail(f"{type(error).__name__}: {error}")
            if self._thread is None:
                thread = threading.Thread(target=self._background, name="lithops-pool", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is shutting down: who waits reads
                    thread.start()
                    self._thread = thread
        if not self._wanted.is_set():
            self._wanted.set()
        if self._leader:
            self.wake()  # the leader may sleep longer than the new work allows
        self._tell()

    def cancel(self, activation_id: str, ranges: Sequence[CallRange]) -> bool:
        """Stop calls of an activation, all of them if `ranges` is empty; running ones lose their worker."""
        refuse_forked("executor", self._owner)
        with self._lock:
            run = self._open.get(activation_id)
            if run is None:
                return False
            for part in ranges or run.activation.ranges:
                self._cancel(run, part.first, part.first + part.count)
            self._dispatch.feed()
        self._tell()
        return True

    def run_until(self, ready: Callable[[], bool], deadline: float) -> None:
        """See `lithops.types.Pump`."""
        refuse_forked("executor", self._owner)
        if not self._leading.acquire(blocking=False):
            if self._leader == threading.get_ident():
                raise LithopsError(
                    "a done-callback waits for another call of its executor, on the very thread that reads the results: "
                    "neither would ever end; wait on a thread of your own, or chain the calls"
                )
            return
        interrupts = deferred_interrupts(self._poke)
        try:
            with interrupts:
                self._leader = threading.get_ident()
                while not ready() and not interrupts.caught and not self._closed:
                    now = time.monotonic()
                    if now >= deadline:
                        break
                    self._turn(deadline - now)
        except BaseException as error:
            # An exception that came from outside (a signal handler's) may have struck anywhere: start afresh.
            if not self._waiting:
                self._fail(f"{type(error).__name__} was raised while results were being read ({error})")
                self._tell()
            raise
        finally:
            self._leader = 0
            self._waiting = False
            self._leading.release()
        interrupts.deliver()

    def wake(self) -> None:
        """See `lithops.types.Pump`."""
        if self._leader != threading.get_ident():
            self._poke()

    def attend(self) -> None:
        """See `lithops.types.Pump`."""
        self._attended.set()

    def _poke(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b"w")

    def close(self) -> None:
        """End all workers; open activations are reported as lost. Idempotent."""
        if os.getpid() != self._owner:
            self._zygote.abandon()
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.wake()
        self._wanted.set()
        self._zygote.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
        if self._leader != threading.get_ident():
            self._leading.acquire(timeout=5)  # for good: whoever reads the streams has stopped
        with self._lock:
            for slot in self._slots:
                self._retire(slot)
            self._library.close()
            self._close_selector()
            self._page.close()
            remove_empty(self._options.log_dir)
            lost = list(self._open.values())
            self._open.clear()
        for run in lost:
            run.sink.lost(run.activation.activation_id, Cause.KILLED, "the pool was closed", ())

    def pids(self) -> list[int]:
        """Return the process ids of the live workers."""
        with self._lock:
            return [slot.pid for slot in self._slots if slot.pid is not None]

    def _close_selector(self) -> None:
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    # --- starting

    def _start_zygote(self, page_descriptor: int) -> Zygote:
        options = self._options
        own = options.library is None
        zygote = Zygote(options.python, options.library)
        try:
            setup = Setup(
                path=options.path,
                log_dir=options.log_dir,
                memory_mb=options.memory_mb,
                live=options.live is not None,
                share=self._share,
            )
            zygote.configure(setup, page_descriptor)
            if not own or options.path is None:
                zygote.check()
        except BaseException:
            zygote.close()
            raise
        self._selector.register(zygote.control, selectors.EVENT_READ, zygote)
        return zygote

    def _spawn(self, slot: Slot) -> None:
        try:
            theirs = slot.open(share=self._share)
        except OSError as error:
            raise BackendError(f"cannot start a worker: {error.strerror}; close files or raise the limit") from error
        assert slot.connection is not None
        page.reset(self._page, slot.index)
        try:
            self._zygote.fork(slot.index, [theirs.fileno(), slot.token_read])
        except OSError as error:
            self._retire(slot)
            raise BackendError(f"the process that starts the workers is gone: {error}") from error
        finally:
            theirs.close()
        self._selector.register(slot.connection.sock, selectors.EVENT_READ, slot)

    def _kill(self, pid: int) -> None:
        self._zygote.kill(pid)

    def _wait_to_write(self, slot: Slot) -> None:
        if slot.connection is not None:
            self._selector.modify(slot.connection.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, slot)

    def _must_be_usable(self) -> None:
        if self._closed:
            raise ClosedError("the pool was closed; make a new executor")
        if self._broken is not None:
            raise BackendError(_FAILED.format(self._broken))

    # --- one turn of the loop, on the leader's thread

    def _turn(self, most_s: float) -> None:
        with self._lock:
            wait = min(most_s, self._until_next_check())
        self._waiting = True
        ready = self._selector.select(None if wait == _FOREVER else min(max(0.0, wait), LONGEST_SELECT_S))
        self._waiting = False
        for key, events in ready:
            who = key.data
            if who is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            elif isinstance(who, Zygote):
                self._hear(who)
            else:
                self._serve(who, events)
        with self._lock:
            if self._open:
                self._end_overdue()
                self._dispatch.steal()
        self._tell()

    def _until_next_check(self) -> float:
        """Seconds until a call may be overdue, or unbegun work may have to be taken back."""
        due = _FOREVER
        many = idle = False
        for slot in self._slots[: self._dispatch.spawned]:
            if not slot.queue:
                idle = True
                continue
            many = many or slot.outstanding > 1
            due = min(due, slot.due)
        wait = due - time.perf_counter() if due != _FOREVER else _FOREVER
        if many and (idle or self._dispatch.has_idle):
            wait = min(wait, STEAL_S)
        return wait

    def _end_overdue(self) -> None:
        now = time.perf_counter()
        for slot in self._slots[: self._dispatch.spawned]:
            if now < slot.due or not slot.queue or slot.pid is None or slot.doom is not None:
                continue
            limit = slot.queue[0].run.activation.timeout_s
            call, began = page.read(self._page, slot.index)
            due = max(began, slot.touched) + limit + BEGIN_S if call == page.IDLE else began + limit
            slot.due = min(due, now + limit)  # a call may begin at any time
            if now >= due:
                self._doom(slot, Doom.TIMEOUT)

    def _doom(self, slot: Slot, why: Doom) -> None:
        """End a worker for the call it is at; one that has begun meanwhile is tried again."""
        slot.doom, slot.doomed = why, page.read(self._page, slot.index)[0]
        if slot.pid is not None:  # else as soon as it is known
            self._zygote.kill(slot.pid)

    def _serve(self, slot: Slot, events: int) -> None:
        connection = slot.connection
        if connection is None:
            return
        if events & selectors.EVENT_WRITE:
            with self._lock, contextlib.suppress(OSError):
                if connection.flush():
                    self._selector.modify(connection.sock, selectors.EVENT_READ, slot)
        if events & selectors.EVENT_READ:
            self._read(slot, connection)

    def _read(self, slot: Slot, connection: Connection) -> bool:
        """Take in what a worker says; False at the end of its stream."""
        try:
            for frame in connection.receive():
                if frame.error is not None:
                    self._fail(f"results cannot be taken in: {frame.error}")
                    return False
                if frame.kind == frames.REPORT:
                    self._reported(slot, frame)
                elif frame.kind == frames.OUTPUT and self._options.live is not None:
                    self._options.live(frame.a, bytes(frame.body))
        except EOFError:
            # What it means is said by the zygote, which knows how the process ended.
            with self._lock, contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(connection.sock)
            return False
        return True

    def _reported(self, slot: Slot, frame: Frame) -> None:
        count = frame.c
        states, columns, logs, results = codec.decode_report(frame.body, count, frame.a)
        started, ended, cpu_user, cpu_system, peak_kb, grown_kb = columns
        if logs:
            slot.log_position = logs[-1].end
        with self._lock:
            run = slot.heard_of(frame.epoch, count)
            if run is None:
                return
            self._setbacks = 0
            run.left -= count
            if run.left:
                run.learn((ended[-1] - started[0]) / count)
            self._dispatch.feed()
            report = Report(
                activation_id=run.activation.activation_id,
                first=frame.b,
                count=count,
                attempt=run.activation.ranges[0].attempt,
                states=states,
                results=Payload(body=results, buffers=_own(frame.buffers) if frame.buffers else ()),
                started=started,
                ended=ended,
                cpu_user=cpu_user,
                cpu_system=cpu_system,
                peak_kb=peak_kb,
                grown_kb=grown_kb,
                worker=slot.name,
                logs=logs,
                final=run.left == 0,
            )
            self._finish(run)
            self._told.append((run.sink.reported, ([report],)))

    def _finish(self, run: Run) -> None:
        if run.left == 0 and self._open.pop(run.activation.activation_id, None) is not None:
            self._library.release(run.source.shared)

    def _tell(self) -> None:
        """Pass reports on, outside of the lock: a sink may come back to us.

        One thread at a time, for a run's last report must not overtake another of it.
        """
        told = self._told
        while told and self._telling.acquire(blocking=False):
            try:
                while told:
                    tell, what = told.popleft()
                    tell(*what)
            finally:
                self._telling.release()

    # --- deaths

    def _hear(self, zygote: Zygote) -> None:
        try:
            for event in zygote.events():
                with self._lock:
                    if event.status is None:
                        slot = self._slots[event.slot]
                        slot.born(event.pid)
                        if slot.doom is not None:
                            self._zygote.kill(event.pid)
                        self._by_pid[event.pid] = slot
                        if slot.exhausted:
                            self._dispatch.feed()
                    elif event.pid < 0:
                        self._not_forked(self._slots[event.slot], os.strerror(event.status))
                    else:
                        self._died(event.pid, event.status)
        except BackendError as error:
            if not self._closed:
                self._fail(str(error))

    def _not_forked(self, slot: Slot, why: str) -> None:
        for handed in slot.queue:
            self._dispatch.give_back(handed.run, handed.low, handed.high)
        self._retire(slot)
        slot.barred = True
        if all(other.connection is None for other in self._slots):
            raise BackendError(f"cannot start a worker process: {why}")
        logger.warning("fewer worker processes than asked for: cannot start another: %s", why)
        self._dispatch.feed()

    def _died(self, pid: int, status: int) -> None:
        """Settle what a dead worker had: what it reported counts, what it ran is judged, the rest goes back free."""
        slot = self._by_pid.pop(pid, None)
        if slot is None or slot.pid != pid or slot.connection is None:
            return
        while self._read_rest(slot):
            pass
        self._setbacks += bool(slot.queue)
        self._dispatch.take_back(slot)
        death = Death(
            status=status,
            doom=slot.doom,
            memory_mb=self._options.memory_mb,
            timeout_s=slot.queue[0].run.activation.timeout_s if slot.queue else 0.0,
            output=last_output(self._options.log_dir, slot.index, pid, slot.log_position),
        )
        self._settle_dead(slot, *verdict(death))
        self._retire(slot)
        try:
            if self._setbacks > SETBACKS:
                raise BackendError(f"{self._setbacks} workers in a row have ended before they began; {death.words}")
            self._dispatch.feed()
        except BackendError as error:
            self._fail(str(error))

    def _settle_dead(self, slot: Slot, state: CallState, failure: Failure) -> None:
        """Charge the one call that a dead worker was at, if any, and give everything else back."""
        running, began = page.read(self._page, slot.index)
        loading = page.loading(self._page, slot.index)
        if slot.doom is not None and running != slot.doomed:
            running = loading = page.IDLE
        for handed in list(slot.queue):
            run, low, high = handed.run, handed.low, handed.high
            if not low <= running < high:
                self._dispatch.give_back(run, low, high)
                continue
            at, running, self._setbacks = running, page.IDLE, 0
            if loading == page.FUNCTION and state != CallState.LOST:
                for a, b in [(low, high), *run.cut(0, sys.maxsize)]:  # it would take every worker down
                    self._settle(run, a, b, state, failure)
                continue
            if loading >= 0 and state != CallState.LOST:
                run.avoid(loading)
                at = loading
            if low <= at < high:
                self._dispatch.give_back(run, at + 1, high)
                self._dispatch.give_back(run, low, at)
                logs = last_words(self._options.log_dir, slot, run, at)
                worker = f"{slot.index}-{slot.pid}"
                self._settle(run, at, at + 1, state, failure, *logs, worker=worker, began=began)
            else:  # an item that stands before these calls, in the same block
                self._dispatch.give_back(run, low, high)

    def _read_rest(self, slot: Slot) -> bool:
        connection = slot.connection
        if connection is None:
            return False
        before = connection.bytes_received
        return self._read(slot, connection) and connection.bytes_received > before

    def _settle(
        self,
        run: Run,
        low: int,
        high: int,
        state: CallState,
        failure: Failure,
        *logs: LogSlice,
        worker: str = "",
        began: float | None = None,
    ) -> None:
        """End calls that no worker reported."""
        run.left -= high - low
        report = ending(run, low, high, state, failure, logs, worker=worker, began=began)
        self._finish(run)
        self._told.append((run.sink.reported, ([report],)))

    def _cancel(self, run: Run, low: int, high: int) -> None:
        for slot in self._slots:
            if any(h.run is run and h.low < high and h.high > low for h in slot.queue):
                self._dispatch.take_back(slot)
        for a, b in run.cut(low, high):
            self._settle(run, a, b, *verdict(Death(doom=Doom.CANCEL)))
        for slot in self._slots:
            running, _ = page.read(self._page, slot.index)
            has = any(h.run is run and h.low <= running < h.high for h in slot.queue)
            if has and low <= running < high and slot.doom is None:
                self._doom(slot, Doom.CANCEL)

    def _retire(self, slot: Slot) -> None:
        connection = slot.connection
        if connection is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(connection.sock)
            slot.close()

    def _fail(self, why: str) -> None:
        """Give up all workers and start afresh; if that did not help before, give up what is to be done as well."""
        with self._lock:
            if self._closed or self._broken is not None:
                return
            self._setbacks += 1
            lost = [(run, not_begun(run, self._slots, self._page)) for run in self._open.values()]
            pids = self.pids()
            self._open.clear()
            for slot in self._slots:
                self._retire(slot)
                slot.barred = False
            self._dispatch.clear()
            self._by_pid.clear()
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._zygote.control)
            self._zygote.close()
            for pid in pids:  # a zygote that was killed has not ended them
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self._library.close()
            self._broken = why if self._setbacks > SETBACKS else self._start_afresh(why)
            for run, rest in lost:
                name = run.activation.activation_id
                if self._broken is not None:
                    self._told.append((run.sink.refused, ((name,), BackendError(_FAILED.format(self._broken)))))
                else:
                    self._told.append((run.sink.lost, (name, Cause.KILLED, why, rest)))

    def _start_afresh(self, why: str) -> str | None:
        """Start another zygote; return why that is not possible."""
        logger.warning("the worker pool starts afresh: %s", why)
        descriptor = -1
        try:
            descriptor, self._page = page.create(len(self._slots))
            self._zygote = self._start_zygote(descriptor)
        except (BackendError, OSError) as error:
            return str(error)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return None

    # --- the pool's own thread

    def _background(self) -> None:
        """Read the streams when nobody waits for results.

        While calls are submitted and waited for one by one, the waiting thread does all the reading; this one dozes.
        """
        while not self._closed:
            if not self._wanted.wait(LINGER_S if self._library.has_unneeded else None):
                with self._lock:
                    self._library.let_go()
                continue
            self._wanted.clear()
            while self._open and not self._closed:
                self._attended.wait(DOZE_S)
                self._attended.clear()
                with contextlib.suppress(Exception):
                    self.run_until(self._nothing_open, _FOREVER)

    def _nothing_open(self) -> bool:
        return not self._open


def _own(buffers: Sequence[memoryview | int]) -> tuple[memoryview, ...]:
    """Leave out the segments that a frame names: a worker sends none."""
    return tuple(buffer for buffer in buffers if not isinstance(buffer, int))
