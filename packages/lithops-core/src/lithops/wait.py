"""Wait for futures of any executors, and collect their results.

The module can be called: `lithops.wait(fs)` and `from lithops.wait import ALL_COMPLETED` work in any order.
"""

from __future__ import annotations

import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import repeat
from typing import TYPE_CHECKING, Any

from lithops.errors import BadCallError, JobTimeoutError
from lithops.future import ResponseFuture, holds_futures, listed, throw
from lithops.futures import FuturesList
from lithops.jobs.table import GONE, JobTable, Watch
from lithops.jobs.waiting import FOREVER, deadline_of, wait_for
from lithops.types import CallState, Lane, Pump
from lithops.worker import codec
from lithops.worker.codec import Unloaded

if TYPE_CHECKING:
    from lithops.jobs.job import Job

ALWAYS = 0
ANY_COMPLETED = -1
ALL_COMPLETED = 100
THREADPOOL_SIZE = 64
"""Kept for programs that pass it; nothing is downloaded by threads here."""
WAIT_DUR_SEC = 1
"""Kept for programs that pass it; nothing is polled here."""

READERS = 16
"""Results that are read from a store at once."""
_REVIVED = b"lithops.jobs.promises"
"""Stands in the pickle of a future, near the beginning of that of a list of futures."""

Futures = ResponseFuture | Iterable[ResponseFuture]


def wait(
    fs: Futures,
    throw_except: bool = True,
    return_when: int = ALL_COMPLETED,
    download_results: bool = False,
    timeout: float | None = None,
    threadpool_size: int = THREADPOOL_SIZE,
    wait_dur_sec: float | None = None,
    show_progressbar: bool = True,
) -> tuple[FuturesList, FuturesList]:
    """Wait until enough calls have ended; return those that have and those that have not, each in order.

    `return_when` is `ALL_COMPLETED`, `ANY_COMPLETED`, `ALWAYS` (don't wait) or a percentage. After `timeout` seconds
    it returns what there is: nothing is stopped, and the rest can be waited for again. With `throw_except`, the first
    call in order that failed raises its error once the wait is over; the others keep their results. A wait for all
    calls also waits for futures that calls returned. Works on any thread. `download_results` marks results as read;
    `threadpool_size` and `wait_dur_sec` have no effect.
    """
    group = _Group(fs)
    need = _needed(return_when, group.calls)
    deadline = deadline_of(timeout)
    group.wait(need, deadline, show_progressbar)
    if throw_except:
        group.raise_first()
    unfinished = set[int]()
    if need == group.calls:
        for place, returned in group.returned():
            if wait(returned, throw_except=throw_except, timeout=_left(deadline), show_progressbar=False)[1]:
                unfinished.add(place)
    if download_results:
        group.mark_read()
    return group.split(unfinished)


def get_result(
    fs: Futures,
    throw_except: bool = True,
    timeout: float | None = None,
    threadpool_size: int = THREADPOOL_SIZE,
    wait_dur_sec: float | None = None,
    show_progressbar: bool = True,
) -> list[Any]:
    """Wait for all calls and return their results in order, `None` included; futures among them are followed.

    The first call in order that failed raises its error; with `throw_except=False` its exception stands in its place.
    `JobTimeoutError` after `timeout` seconds: the calls go on.
    """
    group = _Group(fs)
    deadline = deadline_of(timeout)
    if not group.wait(group.calls, deadline, show_progressbar):
        raise JobTimeoutError(
            f"{group.over()} of {group.calls} calls have ended after {timeout:g} s; the others go on, wait again "
            "or cancel them"
        )
    group.mark_read()  # those that are lost behind an error, too: they are not to turn up among the next results
    if throw_except:
        group.raise_first()
    group.fetch()
    return [_follow(value, throw_except, deadline) for value in group.outcomes()]


def as_completed(fs: Futures, timeout: float | None = None) -> Iterator[ResponseFuture]:
    """Yield futures as their calls end. `JobTimeoutError` when `timeout` seconds have passed before the last has."""
    futures = listed(fs)
    return _as_completed(futures, timeout, deadline_of(timeout))


def _as_completed(
    futures: Sequence[ResponseFuture], timeout: float | None, deadline: float
) -> Iterator[ResponseFuture]:
    ended: deque[ResponseFuture] = deque()
    gate = threading.Lock()
    gate.acquire()
    arrivals: dict[int, Callable[[int], None]] = {}
    pumps: dict[int, Pump] = {}
    own = {future: future for future in futures if type(future) is not ResponseFuture}  # which know more of the call

    def arrival(job: Job) -> Callable[[int], None]:
        def arrive(row: int) -> None:
            future = ResponseFuture(job, row)
            ended.append(own.get(future, future) if own else future)
            with suppress(RuntimeError):  # it is open already
                gate.release()

        return arrive

    for future in futures:
        job = future._job
        if id(job) not in arrivals:
            arrivals[id(job)] = arrival(job)
            if job.table.pump is not None:
                pumps[id(job.table.pump)] = job.table.pump
    try:
        for future in futures:
            future._job.table.when_over(future._row, arrivals[id(future._job)])
        for yielded in range(len(futures)):
            while not ended:
                if not wait_for(gate, tuple(pumps.values()), deadline) and not ended:
                    raise JobTimeoutError(
                        f"{yielded} of {len(futures)} calls have ended after {timeout:g} s; the others go on"
                    )
            yield ended.popleft()
    finally:
        for future in futures:
            if not future.ready:
                future._job.table.not_when_over(future._row, arrivals[id(future._job)])


class _Group:
    """Futures by table: whole jobs as they are, without a look at single futures, others row by row."""

    def __init__(self, fs: Futures) -> None:
        self._fs = fs
        self._jobs: list[tuple[Job, Sequence[int] | None]] = []
        if isinstance(fs, FuturesList) and fs.job is not None:
            self._jobs.append((fs.job, None))
            self._futures: Sequence[ResponseFuture] = fs
        else:
            self._futures = listed(fs)
            rows: dict[int, tuple[Job, dict[int, None]]] = {}
            for future in self._futures:
                rows.setdefault(id(future._job), (future._job, {}))[1][future._row] = None
            for job, wanted in rows.values():
                self._jobs.append((job, None if len(wanted) == job.table.calls else tuple(wanted)))
        self.calls = sum(job.table.calls if rows is None else len(rows) for job, rows in self._jobs)

    def wait(self, need: int, deadline: float, show_progressbar: bool) -> bool:
        """Wait until `need` calls have ended; return whether they have."""
        if self.over() >= need:
            return True
        from lithops.progress import open_progress

        pumps: dict[int, Pump] = {id(p): p for job, _ in self._jobs if (p := job.table.pump) is not None}
        name = self._jobs[0][0].facts.function_name if len(self._jobs) == 1 else f"{len(self._jobs)} jobs"
        with ExitStack() as stack:
            bar = stack.enter_context(open_progress(self.calls, name, enabled=show_progressbar))
            counts = [0, 0]
            bar.update(done=0, failed=0, running=self._running(self.calls))

            def notice(ended: int, failed: int) -> None:
                counts[0] += ended
                counts[1] += failed
                bar.update(done=counts[0], failed=counts[1], running=self._running(self.calls - counts[0]))

            watch = Watch(need, notice)
            for job, rows in self._jobs:
                stack.callback(job.table.unwatch, watch)
                job.table.watch(watch, None if rows is None else frozenset(rows))
            return wait_for(watch.gate, tuple(pumps.values()), deadline)

    def _running(self, left: int) -> int:
        """How many of the calls that are left run now: workers are never idle while there are calls."""
        places = [job.facts.parallel for job, _ in self._jobs]
        return left if None in places else min(left, max(place or 0 for place in places))

    def over(self) -> int:
        """How many calls have ended."""
        return sum(_over(job.table, rows) for job, rows in self._jobs)

    def raise_first(self) -> None:
        """Raise the error of the first call, in the order of the futures, that has failed."""
        if any(job.table.failed for job, _ in self._jobs):
            for table, row in self._rows():
                if table.state[row] > CallState.DONE:
                    throw(table, row)

    def returned(self) -> Iterator[tuple[int, Sequence[ResponseFuture]]]:
        """Yield what futures calls have returned, with the place of each such call among the futures."""
        if all(codec.ATOMS.issuperset(map(type, job.table.results)) for job, _ in self._jobs):
            return  # numbers and text: a million of them are looked at in 20 ms
        for place, (table, row) in enumerate(self._rows()):
            entry = table.results[row]
            if entry is GONE:
                continue
            if isinstance(entry, Unloaded) and _REVIVED not in entry.head:
                continue  # it is not unpickled only to see that it holds no futures
            if table.state[row] == CallState.DONE and holds_futures(value := table.value(row)):
                yield place, listed(value)

    def fetch(self) -> None:
        """Have all results here: those that lie in a store are read some at a time, not one after the other."""
        if all(job.facts.lane is Lane.STREAM for job, _ in self._jobs):
            return
        elsewhere = [(table, row) for table, row in self._rows() if _is_elsewhere(table.results[row])]
        if len(elsewhere) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(READERS, "lithops-results") as readers:
                for table, row in elsewhere:
                    readers.submit(table.fetch, row)

    def mark_read(self) -> None:
        """Note that the user has taken the results of what has ended."""
        for job, rows in self._jobs:
            table = job.table
            if rows is None and table.complete:
                table.read[:] = b"\1" * table.calls
                continue
            for row in range(table.calls) if rows is None else rows:
                if table.is_over(row):
                    table.read[row] = 1

    def split(self, unfinished: Collection[int]) -> tuple[FuturesList, FuturesList]:
        """Return the futures that have ended and those that have not; those at places in `unfinished` have not."""
        executor = self._fs.executor if isinstance(self._fs, FuturesList) else None
        whole = self._fs.job if isinstance(self._fs, FuturesList) else None
        if whole is not None and whole.table.complete and not unfinished:
            return FuturesList((), executor=executor, job=whole), FuturesList(executor=executor)
        over = [future.ready and place not in unfinished for place, future in enumerate(self._futures)]
        return (
            FuturesList((f for f, x in zip(self._futures, over, strict=True) if x), executor=executor),
            FuturesList((f for f, x in zip(self._futures, over, strict=True) if not x), executor=executor),
        )

    def outcomes(self) -> Iterator[object]:
        """Yield the result or the exception of each future, in order."""
        for table, row in self._rows():
            yield table.value(row) if table.state[row] == CallState.DONE else table.error(row)

    def _rows(self) -> Iterator[tuple[JobTable, int]]:
        """Yield where each future looks, in order, without making futures."""
        if isinstance(self._fs, FuturesList) and self._fs.job is not None:
            table = self._fs.job.table
            return zip(repeat(table), range(table.calls), strict=False)
        return ((future._job.table, future._row) for future in self._futures)


def _is_elsewhere(entry: object) -> bool:
    return isinstance(entry, Unloaded) and not entry.is_here


def _over(table: JobTable, rows: Sequence[int] | None) -> int:
    return table.over if rows is None else sum(table.is_over(row) for row in rows)


def _needed(return_when: int, calls: int) -> int:
    if not isinstance(return_when, bool):  # True would be one per cent
        if return_when == ALWAYS:
            return 0
        if return_when == ANY_COMPLETED:
            return min(1, calls)
        with suppress(TypeError):
            if 1 <= return_when <= ALL_COMPLETED:
                return -int(-calls * return_when // 100)
    raise BadCallError(
        f"return_when must be ALL_COMPLETED, ANY_COMPLETED, ALWAYS or a percentage from 1 to 100, found {return_when!r}"
    )


def _follow(value: object, throw_except: bool, deadline: float) -> object:
    """Replace futures that a call returned by their results."""
    if not holds_futures(value):
        return value
    left = _left(deadline)
    results = get_result(value, throw_except=throw_except, timeout=left, show_progressbar=False)  # type: ignore[arg-type]  # holds_futures
    return results[0] if isinstance(value, ResponseFuture) else results


def _left(deadline: float) -> float | None:
    return None if deadline == FOREVER else max(0.0, deadline - time.monotonic())


class _CallableModule(types.ModuleType):
    def __call__(self, *args: Any, **keywords: Any) -> tuple[FuturesList, FuturesList]:
        function: Callable[..., tuple[FuturesList, FuturesList]] = self.wait
        return function(*args, **keywords)

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        """Travel by name, as plain modules do, with functions that use `lithops` and anything called `wait`."""
        from importlib import import_module

        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _CallableModule
