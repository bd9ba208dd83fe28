"""Jobs fed by the results of other jobs: chained maps and reducers. No worker ever waits for another.

A chained call starts when the call before it has ended; a reducer when all have. A call whose input failed fails with
the same error, without being run.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence

from lithops.future import ResponseFuture
from lithops.invoke.invoker import Invoker
from lithops.jobs.build import Growing
from lithops.types import CallRange, CallState, Payload, Report
from lithops.worker.failure import Failure, capture


def feed_map(upstream: Sequence[ResponseFuture], downstream: Growing, invoker: Invoker) -> None:
    """Start call k of `downstream` with the result of future k of `upstream`, when it is there."""
    for row, future in enumerate(upstream):
        future.add_done_callback(_starter(row, downstream, invoker))


def feed_reduce(groups: Sequence[Sequence[ResponseFuture]], downstream: Growing, invoker: Invoker) -> None:
    """Start call k of `downstream` with the list of the results of group k, when all of them are there."""
    for row, group in enumerate(groups):
        missing = [len(group)]

        def count(_future: ResponseFuture, row: int = row, group: Sequence[ResponseFuture] = group, missing: list[int] = missing) -> None:
            missing[0] -= 1
            if missing[0] == 0:
                failed = next((future for future in group if future.error), None)
                if failed is not None:
                    _start(row, failed, downstream, invoker, failed.result)
                else:
                    _start(row, group[0], downstream, invoker, lambda: ([future.result() for future in group],))

        for future in group:
            future.add_done_callback(count)


def _starter(row: int, downstream: Growing, invoker: Invoker) -> Callable[[ResponseFuture], None]:
    return lambda future: _start(row, future, downstream, invoker, future.result)


def _start(
    row: int, cause: ResponseFuture, downstream: Growing, invoker: Invoker, item: Callable[[], object]
) -> None:
    job = downstream.job
    if job.table.is_over(row):
        return
    try:
        downstream.add(row, item())
        invoker.submit(job, (CallRange(first=row, count=1),))
    except Exception as error:  # noqa: BLE001 - the call's error, the user's pickling, or a closed executor
        found = cause.exception() if cause.error else error
        _fail(downstream, row, capture(found if isinstance(found, BaseException) else error))


def _fail(downstream: Growing, row: int, failure: Failure) -> None:
    now = time.time()
    report = Report(
        activation_id="",
        first=row,
        count=1,
        attempt=1,
        states=bytes((CallState.ERROR,)),
        results=Payload(body=b""),
        started=array("d", (now,)),
        ended=array("d", (now,)),
        cpu_user=array("f", (0.0,)),
        cpu_system=array("f", (0.0,)),
        peak_kb=array("I", (0,)),
        grown_kb=array("I", (0,)),
    )
    downstream.job.table.fill(report, [failure], now)


