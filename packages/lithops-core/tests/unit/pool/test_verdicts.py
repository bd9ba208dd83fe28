"""What a death means."""

from __future__ import annotations

import signal

import pytest

from lithops import errors
from lithops.pool.deaths import Death, verdict
from lithops.pool.run import Doom
from lithops.types import CallState


@pytest.mark.parametrize(
    ("death", "state", "kind", "message"),
    [
        (
            Death(status=3),
            CallState.ERROR,
            errors.WorkerCrashedError,
            "the call ended its worker process with exit code 3 (os._exit or native code)",
        ),
        (
            Death(status=-signal.SIGSEGV, output="boom"),
            CallState.ERROR,
            errors.WorkerCrashedError,
            "the call crashed its worker process with SIGSEGV; its last output was:\nboom",
        ),
        (
            Death(status=-signal.SIGABRT, memory_mb=64),
            CallState.ERROR,
            errors.WorkerCrashedError,
            "the call crashed its worker process with SIGABRT (under runtime_memory=64 MB; native code often crashes when "
            "memory is refused)",
        ),
        (
            Death(status=-signal.SIGKILL),
            CallState.LOST,
            errors.WorkerLostError,
            "the worker process was killed with SIGKILL from outside, e.g. by an operator or as the host lacked memory",
        ),
        (
            Death(status=-signal.SIGTERM, output="last"),
            CallState.LOST,
            errors.WorkerLostError,
            "the worker process was killed with SIGTERM from outside, e.g. by an operator or as the host lacked memory; "
            "its last output was:\nlast",
        ),
        (
            Death(status=-200),
            CallState.LOST,
            errors.WorkerLostError,
            "the worker process was killed with signal 200 from outside, e.g. by an operator or as the host lacked memory",
        ),
        (
            Death(status=-signal.SIGKILL, doom=Doom.TIMEOUT, timeout_s=2.5),
            CallState.ERROR,
            errors.CallTimeoutError,
            "the call ran longer than its timeout of 2.5 s and was ended",
        ),
        (
            Death(status=-signal.SIGKILL, doom=Doom.CANCEL),
            CallState.CANCELLED,
            errors.CancelledError,
            "the call was cancelled",
        ),
    ],
)
def test_a_death_is_judged_by_how_it_came(
    death: Death, state: CallState, kind: type[errors.LithopsError], message: str
) -> None:
    found, failure = verdict(death)
    error = failure.exception()
    assert (found, type(error), str(error)) == (state, kind, message)


def test_a_death_can_be_put_into_a_few_words() -> None:
    assert Death(status=17).words == "the last with exit code 17"
    assert Death(status=-signal.SIGTERM, output="x").words == "the last with SIGTERM; its last output was:\nx"
