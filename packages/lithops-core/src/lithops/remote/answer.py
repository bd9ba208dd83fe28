"""What is said of an activation: the sink that gathers its reports, and how they are made to fit."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lithops import errors
from lithops.records import replaced
from lithops.remote.envelope import encode_reports
from lithops.remote.payloads import Stored
from lithops.types import CallState, Payload
from lithops.worker import codec
from lithops.worker.failure import Failure, library_failure

if TYPE_CHECKING:
    from lithops.remote.envelope import Order
    from lithops.remote.payloads import PayloadStore
    from lithops.types import CallRange, Cause, Receipt, Report


class Answer:
    """The sink of one activation."""

    def __init__(self, order: Order, payloads: PayloadStore | None) -> None:
        """`payloads` is where large results are put; None: there is no such place."""
        self._order = order
        self._payloads = payloads
        self._reports: list[Report] = []
        self.complete = False

    def cut_off(self, error: errors.StorageError) -> None:
        """Report every call as lost, for another worker may reach the store that this one does not."""
        self._reports = []
        self._end(CallState.LOST, library_failure(type(error), str(error)))

    def encoded(self) -> bytes:
        """Return the reports; results that are large lie in the store.

        Where there is none, the largest are replaced by errors that say so, until the rest fits.
        """
        order, reports = self._order, self._reports
        data = encode_reports(reports)
        if self._payloads is not None and len(data) > (order.inline_bytes or 0):
            try:
                self._put_away(self._payloads, order.inline_bytes or 0)
            except errors.StorageError as error:
                self.cut_off(error)
            reports = self._reports
            data = encode_reports(reports)
        if order.response_bytes is None or len(data) <= order.response_bytes:
            return data
        for k in sorted(range(len(reports)), key=lambda k: reports[k].results.nbytes, reverse=True):
            reports[k] = _too_large(reports[k], order.response_bytes)
            data = encode_reports(reports)
            if len(data) <= order.response_bytes:
                break
        return data

    # --- lithops.types.Sink

    def accepted(self, receipt: Receipt) -> None:
        """See `lithops.types.Sink`."""

    def started(self, activation_ids: Sequence[str], at: float) -> None:
        """See `lithops.types.Sink`."""

    def reported(self, reports: Sequence[Report]) -> None:
        """See `lithops.types.Sink`."""
        self._reports += reports
        if any(report.final for report in reports):
            self.complete = True

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        """See `lithops.types.Sink`."""
        self._end(CallState.LOST, library_failure(errors.WorkerLostError, f"({cause.value}) {detail}"))

    def throttled(self, activation_ids: Sequence[str], retry_after_s: float | None) -> None:
        """See `lithops.types.Sink`."""
        raise AssertionError("a pool has no limit that could be exceeded")

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        """See `lithops.types.Sink`."""
        self._end(CallState.ERROR, library_failure(errors.BackendError, str(error)))

    # --- how it is done

    def _end(self, state: CallState, failure: object) -> None:
        """Report what was not reported."""
        told = {call for report in self._reports for call in range(report.first, report.first + report.count)}
        for part in self._order.ranges:
            for call in range(part.first, part.first + part.count):
                if call not in told:
                    rest = replaced(part, first=call, count=1)
                    name = self._order.activation_id
                    self._reports.append(codec.report_of_unrun(rest, state, failure, activation_id=name))
        self.complete = True

    def _put_away(self, payloads: PayloadStore, most: int) -> None:
        """Put results into the store, the largest first, until what stays has `most` bytes."""
        entries = [codec.decode_results(report.results) for report in self._reports]
        sizes = [
            (_size(entry), k, n)
            for k, several in enumerate(entries)
            for n, entry in enumerate(several)
            if not isinstance(entry, Failure)
        ]
        surplus = sum(report.results.nbytes for report in self._reports) - most
        chosen: list[tuple[int, int]] = []
        for size, k, n in sorted(sizes, reverse=True):
            if surplus <= 0 or size <= codec.HEAD_BYTES:
                break
            chosen.append((k, n))
            surplus -= size - codec.HEAD_BYTES
        if not chosen:
            return
        large = [_payload(entries[k][n]) for k, n in chosen]
        key = f"{self._order.results}{self._order.activation_id}"
        for (k, n), payload, place in zip(chosen, large, payloads.put(key, large), strict=True):
            entries[k][n] = Stored(place, bytes(payload.body[: codec.HEAD_BYTES]))
        for k in {k for k, _ in chosen}:
            self._reports[k] = replaced(self._reports[k], results=_repacked(entries[k]))


def _payload(entry: object) -> Payload:
    """Return the pickle of a result."""
    if isinstance(entry, codec.Pickled):
        return Payload(body=entry.data, buffers=tuple(entry.buffers))
    return Payload(body=pickle.dumps(entry, 5))  # a number or text


def _repacked(entries: list[object]) -> Payload:
    """Lay out results again, with the buffers of those that are still among them."""
    buffers: list[memoryview] = []
    packed: list[object] = []
    for entry in entries:
        if isinstance(entry, codec.Pickled):
            packed.append(codec.Pickled(entry.data, len(buffers), len(buffers) + len(entry.buffers)))
            buffers += entry.buffers
        else:
            packed.append(entry)
    return codec.encode_results(packed, buffers)


def _size(entry: object) -> int:
    if isinstance(entry, codec.Pickled):
        return entry.nbytes
    return len(entry) if isinstance(entry, str | bytes) else 0


def _too_large(report: Report, most: int) -> Report:
    """Leave the results of a report out."""
    what = "the result has" if report.count == 1 else f"the results of {report.count} calls have"
    failure = library_failure(
        errors.ResultTooLargeError,
        f"{what} {report.results.nbytes:,} bytes, and an answer of this backend {most:,} at most; return less, put it "
        "into storage and return where it is, or configure a storage backend that workers can reach",
    )
    return replaced(
        report,
        states=bytes((CallState.ERROR,)) * report.count,
        results=codec.encode_results([failure] * report.count),
    )
