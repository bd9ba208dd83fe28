"""Wait for futures of any executors, and collect their results.

The module can be called: `lithops.wait(fs)` and `from lithops.wait import ALL_COMPLETED` work in any order.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from lithops.errors import JobTimeoutError
from lithops.future import ResponseFuture, holds_futures
from lithops.jobs.futures import FuturesList
from lithops.jobs.job import Job
from lithops.jobs.table import JobTable, Watch
from lithops.jobs.waiting import deadline_of, wait_for
from lithops.types import Pump

ALWAYS = 0
ANY_COMPLETED = -1
ALL_COMPLETED = 100
THREADPOOL_SIZE = 64
"""Kept for programs that pass it; nothing is downloaded by threads here."""
WAIT_DUR_SEC = 1
"""Kept for programs that pass it; nothing is polled here."""

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
    call in order that failed raises its error once the wait is over; the others keep their results. Works on any
    thread. `download_results` marks results as read; `threadpool_size` and `wait_dur_sec` have no effect.
    """
    group = _Group(fs)
    need = _needed(return_when, group.calls)
    if timeout is not None and timeout < 0:
        raise ValueError(f"timeout must not be negative, found {timeout!r}")
    group.wait(need, deadline_of(timeout), show_progressbar)
    if throw_except:
        group.raise_first()
    if download_results:
        group.mark_read()
    return group.split()


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
    if timeout is not None and timeout < 0:
        raise ValueError(f"timeout must not be negative, found {timeout!r}")
    deadline = deadline_of(timeout)
    if not group.wait(group.calls, deadline, show_progressbar):
        raise JobTimeoutError(
            f"{group.over()} of {group.calls} calls have ended after {timeout:g} s; the others go on, wait again "
            "or cancel them"
        )
    if throw_except:
        group.raise_first()
    group.mark_read()
    return [_follow(value, throw_except, deadline) for value in group.outcomes()]


def as_completed(fs: Futures, timeout: float | None = None) -> Iterator[ResponseFuture]:
    """Yield futures as their calls end. `JobTimeoutError` when `timeout` seconds have passed before the last has."""
    from collections import deque
    from itertools import count

    futures = list(fs) if not isinstance(fs, ResponseFuture) else [fs]
    deadline = deadline_of(timeout)
    ended: deque[ResponseFuture] = deque()
    for future in futures:
        future.add_done_callback(ended.append)
    group = _Group(futures)
    for yielded in count():
        if yielded == len(futures):
            return
        if not ended and not group.wait(yielded + 1, deadline, show_progressbar=False):
            raise JobTimeoutError(f"{yielded} of {len(futures)} calls have ended after {timeout:g} s; the others go on")
        while not ended:  # the count and the callback come from one report, in this order
            group.wait(yielded + 1, deadline, show_progressbar=False)
        yield ended.popleft()


class _Group:
    """Futures by table: whole jobs as they are, without a look at single futures, others row by row."""

    def __init__(self, fs: Futures) -> None:
        self._fs = fs
        self._jobs: list[tuple[Job, Sequence[int] | None]] = []
        if isinstance(fs, FuturesList) and fs.job is not None:
            self._jobs.append((fs.job, None))
            self._futures: Sequence[ResponseFuture] = fs
        else:
            self._futures = [fs] if isinstance(fs, ResponseFuture) else list(fs)
            rows: dict[int, tuple[Job, dict[int, None]]] = {}
            for future in self._futures:
                if not isinstance(future, ResponseFuture):
                    raise TypeError(f"expected futures, found {future!r} of type {type(future).__name__!r}")
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

            def notice(ended: int, failed: int) -> None:
                counts[0] += ended
                counts[1] += failed
                bar.update(done=counts[0], failed=counts[1], running=self.calls - counts[0])

            watch = Watch(need, notice)
            for job, rows in self._jobs:
                stack.callback(job.table.unwatch, watch)
                job.table.watch(watch, None if rows is None else frozenset(rows))
            return wait_for(watch.gate, tuple(pumps.values()), deadline)

    def over(self) -> int:
        """How many calls have ended."""
        return sum(_over(job.table, rows) for job, rows in self._jobs)

    def raise_first(self) -> None:
        """Raise the error of the first call, in the order of the futures, that has failed."""
        if not any(job.table.failed for job, _ in self._jobs):
            return
        for future in self._futures:
            if future.error:
                future.result()

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

    def split(self) -> tuple[FuturesList, FuturesList]:
        """Return the futures that have ended and those that have not."""
        executor = self._fs.executor if isinstance(self._fs, FuturesList) else None
        if isinstance(self._fs, FuturesList) and self._fs.job is not None and self._fs.job.table.complete:
            return FuturesList((), executor=executor, job=self._fs.job), FuturesList(executor=executor)
        over = [future.ready for future in self._futures]
        return (
            FuturesList((f for f, x in zip(self._futures, over, strict=True) if x), executor=executor),
            FuturesList((f for f, x in zip(self._futures, over, strict=True) if not x), executor=executor),
        )

    def outcomes(self) -> Iterator[object]:
        """Yield the result or the exception of each future, in order."""
        if isinstance(self._fs, FuturesList) and self._fs.job is not None:
            table = self._fs.job.table
            for row in range(table.calls):
                yield _outcome(table, row)
        else:
            for future in self._futures:
                yield _outcome(future._job.table, future._row)


def _over(table: JobTable, rows: Sequence[int] | None) -> int:
    return table.over if rows is None else sum(table.is_over(row) for row in rows)


def _outcome(table: JobTable, row: int) -> object:
    from lithops.types import CallState

    return table.value(row) if table.state[row] == CallState.DONE else table.error(row)


def _needed(return_when: int, calls: int) -> int:
    if return_when == ALWAYS:
        return 0
    if return_when == ANY_COMPLETED:
        return min(1, calls)
    if isinstance(return_when, int | float) and 1 <= return_when <= ALL_COMPLETED:
        return -int(-calls * return_when // 100)
    raise ValueError(
        f"return_when must be ALL_COMPLETED, ANY_COMPLETED, ALWAYS or a percentage from 1 to 100, found {return_when!r}"
    )


def _follow(value: object, throw_except: bool, deadline: float) -> object:
    """Replace futures that a call returned by their results."""
    if not holds_futures(value):
        return value
    import time

    left = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
    results = get_result(value, throw_except=throw_except, timeout=left, show_progressbar=False)  # type: ignore[arg-type]  # holds_futures
    return results[0] if isinstance(value, ResponseFuture) else results


class _CallableModule(types.ModuleType):
    def __call__(self, *args: Any, **keywords: Any) -> tuple[FuturesList, FuturesList]:
        function: Callable[..., tuple[FuturesList, FuturesList]] = self.wait
        return function(*args, **keywords)


sys.modules[__name__].__class__ = _CallableModule
