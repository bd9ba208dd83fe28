"""The stats of calls as columns, ready to be drawn: one dict per call would be far too slow to work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lithops.errors import LithopsError
from lithops.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_STAMPS = (
    "host_submit_tstamp",
    "worker_func_start_tstamp",
    "worker_func_end_tstamp",
    "host_status_done_tstamp",
    "host_result_done_tstamp",
    "worker_func_exec_time",
)


@record
class Columns:
    """What ran, sorted by when it began. Times are seconds since `origin`; NaN where a stamp is missing."""

    submitted: NDArray[np.float64]
    started: NDArray[np.float64]
    ended: NDArray[np.float64]
    fetched: NDArray[np.float64]
    took: NDArray[np.float64]
    """Execution time; never NaN."""
    failed: NDArray[np.bool_]
    worker: NDArray[np.intp]
    """A number per worker name, from 0 on; -1 without a name."""
    retried: int
    never_ran: int
    """Calls without start or end, which the columns leave out."""

    def __len__(self) -> int:
        return len(self.started)

    @property
    def workers(self) -> int:
        """How many workers have a name here."""
        return int(self.worker.max()) + 1

    @property
    def last(self) -> float:
        """When the last thing happened."""
        return float(np.nanmax([self.ended.max(), np.nanmax(self.fetched, initial=0.0)]))

    def summary(self) -> str:
        """Return what was drawn in a few words, e.g. `1,000 calls on 8 workers, 3 failed`."""
        parts = [f"{len(self):,} call{'s' * (len(self) != 1)}"]
        if self.workers:
            parts[0] += f" on {self.workers:,} worker{'s' * (self.workers != 1)}"
        if self.failed.any():
            parts.append(f"{int(self.failed.sum()):,} failed")
        if self.retried:
            parts.append(f"{self.retried:,} retried")
        if self.never_ran:
            parts.append(f"{self.never_ran:,} never ran")
        return ", ".join(parts)


def read_columns(stats: Sequence[Mapping[str, Any]]) -> Columns:
    """Return the calls of `stats` that ran; raises LithopsError if there is none."""
    times: list[list[Any]] = [[] for _ in _STAMPS]
    created = float("inf")
    failed: list[bool] = []
    worker: list[int] = []
    numbers: dict[Any, int] = {}
    retried = 0
    for call in stats:
        for column, stamp in zip(times, _STAMPS, strict=True):
            column.append(call.get(stamp))
        failed.append(call.get("state") == "Error")
        name = call.get("worker")
        worker.append(numbers.setdefault(name, len(numbers)) if name else -1)
        retried += (call.get("attempt") or 1) > 1
        created = min(created, call.get("host_job_create_tstamp") or created)
    total = len(failed)
    submitted, started, ended, status, result, took = (np.array(column, dtype=np.float64) for column in times)
    order = np.argsort(started, kind="stable")
    order = order[np.isfinite(started[order]) & np.isfinite(ended[order])]
    if not len(order):
        raise LithopsError(
            f"there is nothing to plot: none of the {total:,} calls has run to its end; wait for them first"
            if total
            else "there is nothing to plot: no calls were given"
        )
    origin = min(created, float(started[order[0]]), float(np.nanmin(submitted[order], initial=np.inf)))
    fetched = np.where(np.isfinite(status), status, result)[order] - origin
    took = np.where(np.isfinite(took), took, ended - started)[order]
    return Columns(
        submitted=submitted[order] - origin,
        started=started[order] - origin,
        ended=np.maximum(ended, started)[order] - origin,  # a clock that is set back must not turn time around
        fetched=fetched,
        took=np.maximum(took, 0.0),
        failed=np.array(failed, dtype=np.bool_)[order],
        worker=np.array(worker, dtype=np.intp)[order],
        retried=retried,
        never_ran=total - len(order),
    )
