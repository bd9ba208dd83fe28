"""What the library raises for workers and pools that died, such that `except BrokenProcessPool` catches it.

Imported when there is something to raise only: the standard module with that name takes 20 ms.
"""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool

from lithops.errors import BackendError, LithopsError, WorkerCrashedError, WorkerLostError


class CrashedProcess(WorkerCrashedError, BrokenProcessPool):
    """A call took its worker process down. Other calls, and the executor, go on."""


class LostProcess(WorkerLostError, BrokenProcessPool):
    """A call lost its worker process to something outside of it, twice. Other calls, and the executor, go on."""


class BrokenBackend(BackendError, BrokenProcessPool):
    """The backend cannot run calls any more."""


_KIN: dict[type[LithopsError], type[LithopsError]] = {
    WorkerCrashedError: CrashedProcess,
    WorkerLostError: LostProcess,
    BackendError: BrokenBackend,
}


def as_broken(error: LithopsError) -> BaseException:
    """Return the error under a class that is also a `BrokenProcessPool`."""
    kin = _KIN[type(error)](*error.args)
    kin.__cause__ = error.__cause__
    return kin
