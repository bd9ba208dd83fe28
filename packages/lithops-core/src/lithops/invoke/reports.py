"""What the core makes of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops import errors
from lithops.types import CallState
from lithops.worker import codec
from lithops.worker.failure import Failure, library_failure

if TYPE_CHECKING:
    from lithops.remote.payloads import PayloadStore
    from lithops.types import Activation, Report

_LOWEST, _HIGHEST = int(CallState.DONE), int(CallState.LOST)


def validated(report: Report, activation: Activation, payloads: PayloadStore | None = None) -> list[object]:
    """Read a report whole before anything of it is believed; return its entries. Raises if there is anything wrong.

    `payloads` is where results lie that are not in it.
    """
    entries = codec.decode_results(report.results)
    if payloads is not None:
        for entry in entries:
            if isinstance(entry, codec.Unloaded):
                entry.lies_in(payloads)
    count = report.count
    if not (
        count
        == len(report.states)
        == len(entries)
        == len(report.started)
        == len(report.ended)
        == len(report.cpu_user)
        == len(report.cpu_system)
        == len(report.peak_kb)
        == len(report.grown_kb)
    ):
        raise ValueError(f"its columns are not all {count} entries long")
    last = report.first + count
    for part in activation.ranges:
        if part.first <= report.first and last <= part.first + part.count:
            break
    else:
        raise ValueError(f"it speaks of calls {report.first} to {last - 1}, which the activation does not have")
    if report.attempt != part.attempt:
        raise ValueError(f"it speaks of attempt {report.attempt}, and the activation is attempt {part.attempt}")
    if count and not _LOWEST <= min(report.states) <= max(report.states) <= _HIGHEST:
        raise ValueError("it has states that a report cannot have")
    return entries


def lost_for_good(entry: object, losses: int) -> Failure:
    """Describe a call that lost its worker too often; `entry` is what the last report said of it."""
    known = entry.message if isinstance(entry, Failure) else "nothing is known of how"
    times = "once" if losses == 1 else f"{losses} times"
    return library_failure(
        errors.WorkerLostError,
        f"the call lost its worker {times}; the last time: {known}",
        exit_code=entry.exit_code if isinstance(entry, Failure) else None,
    )
