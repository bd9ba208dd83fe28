"""The tries of a call. Those that failed and were followed by others are kept with the job, for such calls only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.records import field, record
from lithops.types import CallState
from lithops.worker.failure import Failure

if TYPE_CHECKING:
    from lithops.types import Report

STATES = {
    int(CallState.DONE): "Success",
    int(CallState.ERROR): "Error",
    int(CallState.CANCELLED): "Cancelled",
    int(CallState.LOST): "Lost",
}


@record
class Attempt:
    """One try of a call that has ended."""

    number: int
    """From 1."""
    state: str
    """`Success`, `Error`, `Cancelled`, or `Lost`: its worker was lost to something outside of it."""
    started: float | None
    """Wall-clock stamps; None where nothing is known of when it began."""
    ended: float
    worker: str
    """Name of the worker that ran it, empty if it is not known."""
    failure: Failure | BaseException | None = field(default=None, repr=False)
    """What is known of how it failed, as it came from the worker."""

    @property
    def error(self) -> BaseException | None:
        """What it raised, of the user's own type where that can be rebuilt here; None if it returned."""
        return self.failure.exception() if isinstance(self.failure, Failure) else self.failure

    def plain(self) -> dict[str, Any]:
        """Return what statistics say of it, under names like theirs."""
        failure = self.failure
        if isinstance(failure, Failure):
            told = f"{failure.type_name}: {failure.message}"
        else:
            told = "" if failure is None else f"{type(failure).__name__}: {failure}"
        return {
            "attempt": self.number,
            "state": self.state,
            "error": told,
            "worker": self.worker,
            "worker_start_tstamp": self.started,
            "worker_end_tstamp": self.ended,
        }


def failed_attempt(report: Report, k: int, failure: object) -> Attempt:
    """Note what a report says of the failed call at place `k` in it."""
    return Attempt(
        number=report.attempt,
        state=STATES[report.states[k]],
        started=report.started[k],
        ended=report.ended[k],
        worker=report.worker,
        failure=failure if isinstance(failure, Failure) else None,
    )
