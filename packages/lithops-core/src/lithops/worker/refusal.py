"""What stands for a function or an argument that cannot be loaded, so that its calls fail and not the worker."""

from __future__ import annotations

from collections.abc import Callable

from lithops import errors
from lithops.worker import codec, failure

Caller = Callable[[object, int], object]
"""Makes a call: gets the item and the number of the call."""


class Refusal(Exception):
    """Raised in place of a call that cannot be made."""

    def __init__(self, found: failure.Failure) -> None:
        self.failure = found


def refusing(found: failure.Failure) -> Caller:
    """Return what fails each call in place of a function that cannot be loaded."""

    def refuse(_item: object, _index: int) -> object:
        raise Refusal(found)

    return refuse


def guarded(call: Caller) -> Caller:
    """Return `call`, which fails those calls whose item could not be loaded."""

    def check(item: object, index: int) -> object:
        if type(item) is codec.LoadFailure:
            if isinstance(item.error, MemoryError):
                raise item.error
            if isinstance(item.error, errors.WorkerCrashedError):
                raise Refusal(failure.library_failure(errors.WorkerCrashedError, str(item.error)))
            raise Refusal(cannot_load("the argument", item.error))
        return call(item, index)

    return check


def cannot_load(what: str, error: BaseException) -> failure.Failure:
    """Describe why a function or an argument cannot be loaded here."""
    message = (
        f"a worker cannot load {what}: {type(error).__name__}: {error}; "
        "is the module it needs installed where the call runs?"
    )
    return failure.library_failure(errors.FunctionLoadError, message, failure.capture(error).traceback_text)
