"""Every exception a user can meet.

Messages say what was asked, what was found and what to do. Classes that stand for something the standard library
has an exception for derive from it as well, so that `except TimeoutError` and the like keep working.
"""

from __future__ import annotations

import os
from concurrent.futures import CancelledError as _StandardCancelledError


class LithopsError(Exception):
    """The root of all errors that the library itself raises."""


class ConfigError(LithopsError, ValueError):
    """A configuration cannot be used: unreadable, not YAML, an unknown name, a wrong value, a contradiction."""


class PluginError(LithopsError):
    """A plugin cannot be used: not installed, broken, of another API version, in conflict, against the contract."""


class BadCallError(LithopsError, TypeError, ValueError):
    """What was asked makes no sense.

    What was submitted cannot become calls (not callable, wrong arity or names, an argument that cannot travel), an
    option has a value that it cannot have, or what is waited for are no futures. Raised before anything is done.
    """


class ClosedError(LithopsError, RuntimeError):
    """The executor was closed before it was asked to do this, or belongs to another process."""


def refuse_forked(what: str, owner: int) -> None:
    """Raise `ClosedError` in any other process than the owner of something.

    Whoever forked from it can take none of its locks: who held one may not exist there.
    """
    if os.getpid() != owner:
        raise ClosedError(f"this {what} belongs to the process this one was forked from; make a new one here")


class JobTimeoutError(LithopsError, TimeoutError):
    """A wait ended at its own `timeout`; the calls go on and can be waited for again."""


class CallError(LithopsError):
    """A call ended without a result of its own."""

    exit_code: int | None = None
    """How its worker process ended, if that is how the call did: exit code, or minus the number of the signal."""


class CallTimeoutError(CallError, TimeoutError):
    """A call ran longer than its `timeout` and was ended."""


class MemoryLimitError(CallError, MemoryError):
    """A call wanted more memory than `runtime_memory` allows."""


class WorkerCrashedError(CallError):
    """A call took its worker process down: it exited, crashed in native code or aborted."""


class WorkerLostError(CallError):
    """A call lost its worker to something outside of it, and lost the next one too."""


class ResultPickleError(CallError):
    """A call succeeded but its result cannot be pickled."""


class ResultTooLargeError(CallError):
    """A call succeeded but its result is larger than the way back can carry."""


class InputTooLargeError(CallError):
    """The function and the input of a call are larger than the way to a worker can carry."""


class ThrottledError(CallError):
    """The platform has put a call off for as long as a call may take."""


class FunctionLoadError(CallError):
    """A worker cannot load the function or its argument, e.g. because a module is missing there."""


class RemoteError(CallError):
    """A call raised an exception that cannot be rebuilt here; type, message and traceback are kept as text."""

    def __init__(self, type_name: str, message: str, traceback_text: str = "") -> None:
        super().__init__(type_name, message, traceback_text)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


class CancelledError(CallError, _StandardCancelledError):
    """The call was cancelled before it ended."""


class RuntimeMismatchError(LithopsError):
    """Driver and worker differ in what must agree, e.g. the minor version of Python."""


class BackendError(LithopsError):
    """A backend cannot do what it was asked."""


class TransportError(BackendError, ConnectionError):
    """A request could not be sent, or nothing that could be read came back."""

    lasting: bool = False
    """Whether sending it again would end the same way, as with a certificate that is not trusted."""


class CarrierError(BackendError, ConnectionError):
    """What keeps the locks, queues and pipes of `lithops.multiprocessing` cannot be reached, or has ended."""


class StorageError(LithopsError):
    """The root of what can go wrong with a store."""


class ObjectNotFound(StorageError, KeyError):
    """There is no such object."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class BucketNotFound(StorageError):
    """There is no such bucket."""


class AccessDenied(StorageError, PermissionError):
    """The store knows who asks and says no, or does not believe who asks."""


class PreconditionFailed(StorageError):
    """The object exists already, or changed since it was read."""


class StorageUnavailable(StorageError, ConnectionError):
    """The store does not answer, or answers that it cannot for now; the same request may succeed later."""


class StorageMismatchError(StorageError):
    """An object belongs to another store than the one at hand."""
