"""The job table: what is known of the calls of a job, in columns.

A job of n calls holds a few arrays and n result slots, not n objects. Waiters register by call or by count and have a
lock each, so a report wakes only those it concerns.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lithops.errors import StorageError
from lithops.types import CallState, LogSlice, Pump, Report
from lithops.worker.codec import Unloaded
from lithops.worker.failure import Failure

GONE = object()
"""Stands for a result that was let go."""
FIRST_FINAL = int(CallState.DONE)
_DONE = int(CallState.DONE)
_ZEROS: dict[str, array[Any]] = {code: array(code, [0]) for code in "dfI"}


class Watch:
    """Counts ends of calls, in one table or in several, and opens when enough of them have come."""

    def __init__(self, need: int, notice: Callable[[int, int], None] | None = None) -> None:
        """`notice` is told of each batch, as (calls ended, of them failed), on the thread that reads the report."""
        self.gate = threading.Lock()
        self.gate.acquire()
        self._guard = threading.Lock()
        self._need = need
        self._notice = notice
        self._open = False

    def ended(self, count: int, failed: int) -> None:
        """Count calls that have ended."""
        with self._guard:
            self._need -= count
            opens = self._need <= 0 and not self._open
            self._open = self._open or opens
        if self._notice is not None:
            self._notice(count, failed)
        if opens:
            self.gate.release()


class JobTable:
    """State, attempt, times, cost and result of every call of a job. Thread-safe."""

    def __init__(self, calls: int, pump: Pump | None = None) -> None:
        self.calls = calls
        self.pump = pump
        self.state = bytearray(calls)
        self.attempt = bytearray(calls)
        self.read = bytearray(calls)  # whether the user has taken the result
        self.started = _ZEROS["d"] * calls
        self.ended = _ZEROS["d"] * calls
        self.reported = _ZEROS["d"] * calls
        self.cpu_user = _ZEROS["f"] * calls
        self.cpu_system = _ZEROS["f"] * calls
        self.peak_kb = _ZEROS["I"] * calls
        self.grown_kb = _ZEROS["I"] * calls
        self.results: list[object] = [None] * calls
        self.logs: dict[int, LogSlice] = {}
        self.result_bytes = 0  # of the reports that brought results
        self.worker = _ZEROS["I"] * calls  # number of the worker's name, 0 for none
        self._workers = {"": 0}
        self._worker_names = [""]
        self.over = 0
        self.failed = 0
        self._lock = threading.Lock()
        self._gates: dict[int, list[threading.Lock]] = {}
        self._watches: list[tuple[Watch, Collection[int] | None]] = []
        self._callbacks: dict[int, list[Callable[[int], None]]] = {}

    @property
    def complete(self) -> bool:
        """Whether every call has ended."""
        return self.over >= self.calls

    @property
    def has_results_elsewhere(self) -> bool:
        """Whether there is a result that would have to be fetched."""
        return any(isinstance(entry, Unloaded) and not entry.is_here for entry in self.results)

    remembers = True
    """Whether calls that have ended are asked about."""

    def is_over(self, call: int) -> bool:
        """Whether a call has ended, however."""
        return self.state[call] >= FIRST_FINAL

    def attempt_of(self, call: int) -> int:
        """Return the number of the attempt that ended a call, 0 if it has not ended or no worker ended it."""
        attempt: int = self.attempt[call]
        return attempt

    def sent(self, first: int, count: int) -> None:
        """Note that calls were handed to a backend."""
        with self._lock:
            fresh = bytes((int(CallState.SENT),)) * count
            old = self.state[first : first + count]
            if not any(old):
                self.state[first : first + count] = fresh
            else:
                for call in range(first, first + count):
                    self.state[call] = self.state[call] or int(CallState.SENT)

    def fill(self, report: Report, entries: Sequence[object], at: float, skip: Collection[int] = ()) -> int:
        """Write what a report says of calls that have not ended yet; return how many those were.

        `entries` are the decoded results, `at` is the wall-clock stamp of the report. Calls in `skip` are left as
        they are: they are tried again.
        """
        first, count = report.first, report.count
        states, body = report.states, report.results
        fired: list[tuple[int, Callable[[int], None]]] = []
        opened: list[threading.Lock] = []
        with self._lock:
            fresh = self._write(report, entries, at, skip)
            failed = count - states.count(_DONE)
            if failed and len(fresh) != count:
                failed = sum(states[c - first] != _DONE for c in fresh)
            self.over += len(fresh)
            self.failed += failed
            self.result_bytes += body.nbytes
            for log in report.logs:
                self.logs[log.call] = log
            if fresh and self._gates:
                for call in self._concerned(fresh, self._gates):
                    opened += self._gates.pop(call)
            if fresh and self._callbacks:
                for call in self._concerned(fresh, self._callbacks):
                    fired += [(call, callback) for callback in self._callbacks.pop(call)]
            watches = tuple(self._watches)
        for gate in opened:
            gate.release()
        for watch, only in watches:
            if only is None:
                watch.ended(len(fresh), failed)
            elif hit := [c for c in fresh if c in only]:
                watch.ended(len(hit), sum(self.state[c] != _DONE for c in hit))
        for call, callback in fired:
            callback(call)
        if (opened or watches or fired) and self.pump is not None:
            self.pump.wake()
        return len(fresh)

    def _write(self, report: Report, entries: Sequence[object], at: float, skip: Collection[int]) -> Sequence[int]:
        """Write the columns of calls that have not ended and are not in `skip`; return which those are."""
        first, count = report.first, report.count
        last = first + count
        worker = self._number_of(report.worker) if report.worker else 0
        if count == 1 or skip or self._any_over(first, last):
            fresh = [c for c in range(first, last) if self.state[c] < FIRST_FINAL and c not in skip]
            for call in fresh:
                self._write_one(call, call - first, report, entries, at)
                self.worker[call] = worker
            return fresh
        self.state[first:last] = report.states
        self.attempt[first:last] = bytes((min(report.attempt, 255),)) * count
        self.results[first:last] = entries
        self.started[first:last] = _column("d", report.started)
        self.ended[first:last] = _column("d", report.ended)
        self.reported[first:last] = array("d", (at,)) * count
        self.cpu_user[first:last] = _column("f", report.cpu_user)
        self.cpu_system[first:last] = _column("f", report.cpu_system)
        self.peak_kb[first:last] = _column("I", report.peak_kb)
        self.grown_kb[first:last] = _column("I", report.grown_kb)
        self.worker[first:last] = array("I", (worker,)) * count
        return range(first, last)

    def _write_one(self, call: int, k: int, report: Report, entries: Sequence[object], at: float) -> None:
        self.state[call] = report.states[k]
        self.attempt[call] = min(report.attempt, 255)
        self.results[call] = entries[k]
        self.started[call], self.ended[call], self.reported[call] = report.started[k], report.ended[k], at
        self.cpu_user[call], self.cpu_system[call] = report.cpu_user[k], report.cpu_system[k]
        self.peak_kb[call], self.grown_kb[call] = report.peak_kb[k], report.grown_kb[k]

    def _number_of(self, worker: str) -> int:
        number = self._workers.setdefault(worker, len(self._workers))
        if number == len(self._worker_names):
            self._worker_names.append(worker)
        return number

    def watch(self, watch: Watch, only: Collection[int] | None = None) -> None:
        """Count the ends of calls (of those in `only`) into `watch`, those that have ended already included."""
        with self._lock:
            if only is None:
                count, failed = self.over, self.failed
            else:
                over = [c for c in only if self.state[c] >= FIRST_FINAL]
                count, failed = len(over), sum(self.state[c] != _DONE for c in over)
            if count < (self.calls if only is None else len(only)):
                self._watches.append((watch, only))
        if count:
            watch.ended(count, failed)

    def unwatch(self, watch: Watch) -> None:
        """Stop counting into `watch`."""
        with self._lock:
            self._watches = [entry for entry in self._watches if entry[0] is not watch]

    def gate(self, call: int) -> threading.Lock | None:
        """Return a lock that is released when the call ends, or None if it has."""
        with self._lock:
            if self.state[call] >= FIRST_FINAL:
                return None
            gate = threading.Lock()
            gate.acquire()
            self._gates.setdefault(call, []).append(gate)
            return gate

    def drop_gate(self, call: int, gate: threading.Lock) -> None:
        """Forget a gate nobody waits at any more."""
        with self._lock:
            gates = self._gates.get(call)
            if gates is not None and gate in gates:
                gates.remove(gate)
                if not gates:
                    del self._gates[call]

    def when_over(self, call: int, callback: Callable[[int], None]) -> None:
        """Call `callback(call)` once the call has ended; at once if it has."""
        with self._lock:
            if self.state[call] < FIRST_FINAL:
                self._callbacks.setdefault(call, []).append(callback)
                return
        callback(call)

    def not_when_over(self, call: int, callback: Callable[[int], None]) -> None:
        """Forget a callback, if it is still to be called."""
        with self._lock:
            callbacks = self._callbacks.get(call, [])
            if callback in callbacks:
                callbacks.remove(callback)
                if not callbacks:
                    del self._callbacks[call]

    def value(self, call: int) -> object:
        """Return the result of a call that is DONE, made from its pickle on first use.

        Raises whatever unpickling it raises, each time.
        """
        entry = self.results[call]
        if isinstance(entry, Unloaded):
            entry = entry.load()
            self.results[call] = entry
        elif entry is GONE:
            from lithops.errors import LithopsError

            raise LithopsError(
                f"the result of call {call:05d} was taken, and let go when nobody had its future any more; "
                "keep the future, or the result"
            )
        return entry

    def fetch(self, call: int) -> None:
        """Have the pickle of a result here, if it is elsewhere; a later call of `value` tells if it cannot be had."""
        entry = self.results[call]
        if isinstance(entry, Unloaded) and not entry.is_here:
            with suppress(StorageError):
                self.results[call] = entry.pickled()

    def take(self, call: int) -> object:
        """Return the result of a call that is DONE, and let go of it; raises as `value` does."""
        try:
            return self.value(call)
        finally:
            self.results[call] = GONE
            self.read[call] = 1

    def without_results(self) -> JobTable:
        """Return a table of the same measurements that holds no results; errors stay."""
        table = JobTable.__new__(JobTable)
        table.__dict__.update(self.__dict__)
        table.results = [
            GONE if state == _DONE else entry for state, entry in zip(self.state, self.results, strict=True)
        ]
        return table

    def failure(self, call: int) -> Failure | BaseException:
        """Return what is known of how a call that is ERROR or CANCELLED failed, to be told of another call as well."""
        entry = self.results[call]
        assert isinstance(entry, Failure | BaseException)
        return entry

    def error(self, call: int) -> BaseException:
        """Return the exception of a call that is ERROR or CANCELLED, the same object each time."""
        entry = self.results[call]
        if isinstance(entry, Failure):
            with self._lock:
                if self.results[call] is entry:
                    self.results[call] = entry.exception()
                entry = self.results[call]
        assert isinstance(entry, BaseException)
        return entry

    def worker_of(self, call: int) -> str:
        """Return the name of the worker that ran a call, empty if it is not known."""
        number: int = self.worker[call]
        return self._worker_names[number]

    def _any_over(self, first: int, last: int) -> bool:
        part = self.state[first:last]
        return part.count(0) + part.count(1) != last - first

    @staticmethod
    def _concerned(fresh: Sequence[int], table: Mapping[int, object]) -> list[int]:
        if len(fresh) <= len(table):
            return [c for c in fresh if c in table]
        wanted = fresh if isinstance(fresh, range) else set(fresh)
        return [c for c in table if c in wanted]


def _column(code: str, values: Sequence[float]) -> array[float]:
    if isinstance(values, array) and values.typecode == code:
        return values
    return array(code, values)
