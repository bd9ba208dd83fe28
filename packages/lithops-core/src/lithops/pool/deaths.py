"""What the death of a worker means for the call it was running."""

from __future__ import annotations

import signal

from lithops import errors
from lithops.pool.run import Doom
from lithops.types import CallState, record
from lithops.worker.failure import Failure, library_failure

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


def verdict(death: Death) -> tuple[CallState, Failure]:
    """Judge: the call's own doing is an ERROR, what came from outside is LOST."""
    if death.doom is Doom.CANCEL:
        return CallState.CANCELLED, library_failure(errors.CancelledError, "the call was cancelled")
    if death.doom is Doom.TIMEOUT:
        message = f"the call ran longer than its timeout of {death.timeout_s:g} s and was ended"
        return CallState.ERROR, library_failure(errors.CallTimeoutError, message)
    if death.status >= 0:
        how = f"the call ended its worker process with exit code {death.status} (os._exit or native code)"
        return CallState.ERROR, library_failure(errors.WorkerCrashedError, _with_output(how, death))
    number = -death.status
    name = _signal_name(number)
    if number in _OWN_SIGNALS:
        how = f"the call crashed its worker process with {name}"
        if death.memory_mb is not None:
            how += f" (under runtime_memory={death.memory_mb} MB; native code often crashes when memory is refused)"
        return CallState.ERROR, library_failure(errors.WorkerCrashedError, _with_output(how, death))
    how = f"the worker process was killed with {name} from outside, e.g. by an operator or for want of memory on the host"
    return CallState.LOST, library_failure(errors.WorkerLostError, _with_output(how, death))


def _with_output(how: str, death: Death) -> str:
    return f"{how}; its last output was:\n{death.output}" if death.output else how


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
