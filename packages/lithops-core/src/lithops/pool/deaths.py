"""What the death of a worker means for the call it was running."""

from __future__ import annotations

import signal
import time
from array import array
from typing import TYPE_CHECKING

from lithops import errors
from lithops.pool.run import Doom, Run
from lithops.records import record
from lithops.types import CallState, Report
from lithops.worker import codec
from lithops.worker.failure import Failure, library_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import LogSlice

_OWN_SIGNALS = frozenset(
    getattr(signal, name)
    for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP", "SIGXCPU", "SIGXFSZ")
    if hasattr(signal, name)
)
"""Signals that a process brings on itself; all others come from outside."""


@record
class Death:
    """How a worker ended."""

    status: int = 0
    """Exit code, or minus the number of the signal."""
    doom: Doom | None = None
    memory_mb: int | None = None
    timeout_s: float = 0.0
    output: str = ""

    @property
    def words(self) -> str:
        """What is known, for a message."""
        how = f"exit code {self.status}" if self.status >= 0 else _signal_name(-self.status)
        return _with_output(f"the last with {how}", self)


def verdict(death: Death) -> tuple[CallState, Failure]:
    """Judge: the call's own doing is an ERROR, what came from outside is LOST."""
    if death.doom is Doom.CANCEL:
        return CallState.CANCELLED, library_failure(errors.CancelledError, "the call was cancelled")
    if death.doom is Doom.TIMEOUT:
        message = f"the call ran longer than its timeout of {death.timeout_s:g} s and was ended"
        return CallState.ERROR, library_failure(errors.CallTimeoutError, message)
    if death.status >= 0:
        how = f"the call ended its worker process with exit code {death.status} (os._exit or native code)"
        return CallState.ERROR, library_failure(
            errors.WorkerCrashedError, _with_output(how, death), exit_code=death.status
        )
    number = -death.status
    name = _signal_name(number)
    if number in _OWN_SIGNALS:
        how = f"the call crashed its worker process with {name}"
        if death.memory_mb is not None:
            how += f" (under runtime_memory={death.memory_mb} MB; native code often crashes when memory is refused)"
        return CallState.ERROR, library_failure(
            errors.WorkerCrashedError, _with_output(how, death), exit_code=death.status
        )
    how = f"the worker process was killed with {name} from outside, e.g. by an operator or as the host lacked memory"
    return CallState.LOST, library_failure(errors.WorkerLostError, _with_output(how, death), exit_code=death.status)


def _with_output(how: str, death: Death) -> str:
    return f"{how}; its last output was:\n{death.output}" if death.output else how


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ending(
    run: Run,
    first: int,
    last: int,
    state: CallState,
    failure: Failure,
    logs: Sequence[LogSlice] = (),
    *,
    worker: str = "",
    began: float | None = None,
) -> Report:
    """Return a report on calls `first .. last - 1` that no worker reported.

    `worker` is the one that was at them, since `began` (of the monotonic clock that workers use).
    """
    count = last - first
    now = time.time()
    start = now if began is None else now - max(0.0, time.perf_counter() - began)
    return Report(
        activation_id=run.activation.activation_id,
        first=first,
        count=count,
        attempt=run.activation.ranges[0].attempt,
        states=bytes((state,)) * count,
        results=codec.encode_results([failure] * count),
        started=array("d", [start]) * count,
        ended=array("d", [now]) * count,
        cpu_user=array("f", [0.0]) * count,
        cpu_system=array("f", [0.0]) * count,
        peak_kb=array("Q", [0]) * count,
        grown_kb=array("Q", [0]) * count,
        worker=worker,
        logs=logs,
        final=run.left == 0,
    )
