"""What the library raises, under classes that a program written for the standard module catches, too.

Not imported before an executor is made: `concurrent.futures.process` takes 20 ms.
"""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from pickle import PicklingError

from lithops.errors import (
    BackendError,
    BadCallError,
    FunctionLoadError,
    ResultPickleError,
    WorkerCrashedError,
    WorkerLostError,
)


class CrashedProcess(WorkerCrashedError, BrokenProcessPool):
    """A call took its worker process down. Other calls, and the executor, go on."""


class LostProcess(WorkerLostError, BrokenProcessPool):
    """A call lost its worker process to something outside of it, twice. Other calls, and the executor, go on."""


class UnloadableCall(FunctionLoadError, BrokenProcessPool):
    """A worker cannot load the function or an argument, which ends a worker of the standard pool."""


class BrokenBackend(BackendError, BrokenProcessPool):
    """The backend cannot run calls any more."""


class UnpicklableCall(BadCallError, PicklingError):
    """The function or an argument cannot be pickled."""


class UnpicklableResult(ResultPickleError, PicklingError):
    """The call succeeded but its result cannot be pickled."""


_KIN: dict[type[BaseException], type[BaseException]] = {
    WorkerCrashedError: CrashedProcess,
    WorkerLostError: LostProcess,
    FunctionLoadError: UnloadableCall,
    BackendError: BrokenBackend,
    BadCallError: UnpicklableCall,
    ResultPickleError: UnpicklableResult,
}


def as_standard(error: BaseException) -> BaseException:
    """Return an error under a class that is of the library's and of the standard's kind; others as they are."""
    kind = _KIN.get(type(error))
    if kind is None:
        return error
    kin = kind(*error.args)
    kin.__dict__.update(error.__dict__)
    kin.__cause__ = error.__cause__
    return kin
