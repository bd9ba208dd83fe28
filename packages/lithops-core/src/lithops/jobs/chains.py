"""Jobs fed by the results of other jobs: chained maps and reducers. No worker ever waits for another.

A chained call starts when the call before it has ended; a reducer when all have. A call whose input failed fails with
the same error, without being run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

from lithops.types import CallRange, CallState

if TYPE_CHECKING:
    from lithops.future import ResponseFuture
    from lithops.invoke.invoker import Invoker
    from lithops.jobs.build import Growing


def feed_map(upstream: Sequence[ResponseFuture], downstream: Growing, invoker: Invoker) -> None:
    """Start call k of `downstream` with the result of future k of `upstream`, when it is there."""
    for row, future in enumerate(upstream):
        future.add_done_callback(_starter(row, downstream, invoker))


def feed_reduce(groups: Sequence[Sequence[ResponseFuture]], downstream: Growing, invoker: Invoker) -> None:
    """Start call k of `downstream` with the list of the results of group k, when all of them are there."""
    for row, group in enumerate(groups):
        countdown = _countdown(len(group), _reducer(row, group, downstream, invoker))
        for future in group:
            future.add_done_callback(countdown)


def _countdown(missing: int, then: Callable[[], None]) -> Callable[[ResponseFuture], None]:
    left = count(missing - 1, -1)
    return lambda _future: then() if next(left) == 0 else None


def _reducer(row: int, group: Sequence[ResponseFuture], downstream: Growing, invoker: Invoker) -> Callable[[], None]:
    def start() -> None:
        cause = next((future for future in group if future.error), group[0])
        _start(row, cause, downstream, invoker, lambda: ([future.result() for future in group],))

    return start


def _starter(row: int, downstream: Growing, invoker: Invoker) -> Callable[[ResponseFuture], None]:
    return lambda future: _start(row, future, downstream, invoker, future.result)


def _start(row: int, cause: ResponseFuture, downstream: Growing, invoker: Invoker, item: Callable[[], object]) -> None:
    job = downstream.job
    if job.table.is_over(row):
        return
    if cause.error:
        upstream = cause._job.table
        invoker.fail(job, (row,), CallState(upstream.state[cause._row]), upstream.failure(cause._row))
        return
    try:
        downstream.add(row, item())
        invoker.submit(job, (CallRange(first=row, count=1),))
    except Exception as error:  # noqa: BLE001 - the user's pickling, or a closed executor
        invoker.fail(job, (row,), CallState.ERROR, error)
