"""What an entry point calls with what came in a request; it answers with what goes into the response.

The handler lives as long as the platform keeps the environment. Behind it is the same pool of worker processes as
everywhere: it stays warm between activations, and a call that crashes or runs too long takes a worker down, not the
environment.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from lithops import errors
from lithops.pool.options import PoolOptions
from lithops.pool.pool import Pool
from lithops.records import replaced
from lithops.remote.envelope import Order, decode_order, encode_reports
from lithops.types import CallState, Receipt
from lithops.worker import codec
from lithops.worker.failure import library_failure

if TYPE_CHECKING:
    from lithops.types import CallRange, Cause, Payload, Report

KEPT_FUNCTIONS = 16
_FOREVER = float("inf")
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - 12 ms of a cold start


class Handler:
    """Runs activations, one after the other, in `workers` processes.

    Call it on one thread. What calls print goes to the standard streams of the environment as it comes, and its tail
    into the reports.
    """

    def __init__(self, *, workers: int = 1, memory_mb: int | None = None) -> None:
        self._functions: OrderedDict[bytes, Payload] = OrderedDict()
        self._pool = Pool(
            PoolOptions(
                workers=workers,
                python=sys.executable,
                library=_HOME,
                path=tuple(sys.path),
                memory_mb=memory_mb,
                live=_echo,
            )
        )

    def handle(self, data: bytes) -> bytes:
        """Run the activation that `lithops.remote.envelope.encode_order` wrote; return its reports.

        Raises `ValueError` if it is no activation. Whatever the calls do, there is a report of each.
        """
        order = decode_order(data)
        order = replaced(order, function=self._kept(order.function))
        answer = _Answer(order)
        receipt = Receipt(activation_ids=(order.activation_id,), backend_ref="")
        self._pool.submit(order.activation(), answer, receipt)
        while not answer.complete:
            self._pool.run_until(lambda: answer.complete, _FOREVER)
        return answer.encoded()

    def close(self) -> None:
        """End the worker processes; idempotent."""
        self._pool.close()

    def _kept(self, function: Payload) -> Payload:
        """Return the same object for the same function, by which the pool knows that workers have it."""
        digest = blake2b(function.body, digest_size=16)
        for buffer in function.buffers:
            digest.update(buffer)
        kept = self._functions.setdefault(digest.digest(), function)
        self._functions.move_to_end(digest.digest())
        while len(self._functions) > KEPT_FUNCTIONS:
            self._functions.popitem(last=False)
        return kept


class _Answer:
    """The sink of one activation."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._reports: list[Report] = []
        self.complete = False

    def encoded(self) -> bytes:
        """Return the reports; the largest results are replaced by errors that say so until the rest fits."""
        most, reports = self._order.response_bytes, self._reports
        data = encode_reports(reports)
        if most is None or len(data) <= most:
            return data
        for k in sorted(range(len(reports)), key=lambda k: _result_bytes(reports[k]), reverse=True):
            reports[k] = _too_large(reports[k], most)
            data = encode_reports(reports)
            if len(data) <= most:
                break
        return data

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


def _result_bytes(report: Report) -> int:
    return len(report.results.body) + sum(buffer.nbytes for buffer in report.results.buffers)


def _too_large(report: Report, most: int) -> Report:
    """Leave the results of a report out."""
    what = "the result has" if report.count == 1 else f"the results of {report.count} calls have"
    failure = library_failure(
        errors.ResultTooLargeError,
        f"{what} {_result_bytes(report):,} bytes, and an answer of this backend {most:,} at most; return less, or put "
        "it into storage and return where it is",
    )
    return replaced(
        report,
        states=bytes((CallState.ERROR,)) * report.count,
        results=codec.encode_results([failure] * report.count),
    )


def _echo(stream: int, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the platform has closed it; the tail travels anyway
        os.write(stream, data)
