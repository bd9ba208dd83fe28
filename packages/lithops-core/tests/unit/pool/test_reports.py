"""What is believed of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lithops.invoke.reports import validated
from lithops.types import Activation, CallRange, CallState, Lane
from lithops.worker import codec

ACTIVATION = Activation(
    activation_id="a",
    job_key="k",
    ranges=(CallRange(first=0, count=2, attempt=2), CallRange(first=5, count=3, attempt=2)),
    lane=Lane.STREAM,
    timeout_s=1.0,
    deadline=1.0,
)
REPORT = codec.report_of_unrun(CallRange(first=5, count=2, attempt=2), CallState.DONE, "result")


def test_the_results_of_a_report_that_fits_are_returned() -> None:
    assert validated(REPORT, ACTIVATION) == ["result", "result"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 3}, "its columns are not all 3 entries long"),
        ({"first": 1}, "it speaks of calls 1 to 2, which the activation does not have"),
        ({"first": 7}, "it speaks of calls 7 to 8, which the activation does not have"),
        ({"attempt": 1}, "it speaks of attempt 1, and the activation is attempt 2"),
        ({"states": b"\x02\x01"}, "it has states that a report cannot have"),
        ({"states": b"\x06\x02"}, "it has states that a report cannot have"),
    ],
)
def test_a_report_that_does_not_fit_its_activation_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        validated(replace(REPORT, **changes), ACTIVATION)  # type: ignore[arg-type]
