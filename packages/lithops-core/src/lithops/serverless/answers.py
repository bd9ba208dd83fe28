"""The reports of an activation, as they come in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.records import replaced
from lithops.remote.envelope import decode_reports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lithops.types import Activation, CallRange, Report


def reports_of(answer: bytes | memoryview, activation: Activation, billed_ms: int | None = None) -> list[Report]:
    """Read an answer, of which the last report is final. Raises `ValueError` if it is not that of the activation."""
    try:
        reports = decode_reports(answer)
    except Exception as error:
        raise ValueError(f"the answer cannot be read: {error}") from error
    name = activation.activation_id
    if any(report.activation_id != name for report in reports):
        raise ValueError("the answer belongs to another activation")
    if sorted(_calls_of(reports)) != sorted(_calls_of(activation.ranges)):
        raise ValueError("the answer does not tell of every call once")
    reports[-1] = replaced(reports[-1], final=True, billed_ms=billed_ms)
    return reports


def _calls_of(parts: Sequence[CallRange | Report]) -> Iterator[int]:
    return (call for part in parts for call in range(part.first, part.first + part.count))
