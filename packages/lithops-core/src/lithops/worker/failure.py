"""An exception on its way from a worker to the driver."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
from typing import TYPE_CHECKING

from lithops import errors
from lithops.records import record

if TYPE_CHECKING:
    from types import TracebackType

_OURS = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would cost a worker 5 ms at start
_LONGEST_CHAIN = 16


@record
class Failure:
    """What is known of a call that raised or died; picklable whatever the exception was."""

    type_name: str
    message: str
    traceback_text: str = ""
    pickled: bytes | None = None
    """The exception and its causes, if they could be pickled."""
    library: bool = False
    """`type_name` is a class of `lithops.errors`, `message` is its argument."""
    kinds: tuple[str, ...] = ()
    """Qualified names of the exception's class and of its bases, the nearest first."""
    exit_code: int | None = None
    """Of the worker process, if the call ended with it."""

    def exception(self) -> BaseException:
        """Rebuild the exception, the remote traceback as its first cause; a `RemoteError` if that cannot be done."""
        if self.library:
            error: BaseException = getattr(errors, self.type_name)(self.message)
            if self.exit_code is not None and isinstance(error, errors.CallError):
                error.exit_code = self.exit_code
        else:
            error = self._unpickled() or errors.RemoteError(self.type_name, self.message, self.traceback_text)
        if self.traceback_text:
            innermost = error
            for _ in range(_LONGEST_CHAIN):
                if innermost.__cause__ is None:
                    break
                innermost = innermost.__cause__
            innermost.__cause__ = RemoteTraceback(self.traceback_text)
        return error

    def _unpickled(self) -> BaseException | None:
        if self.pickled is None:
            return None
        try:
            chain = pickle.loads(self.pickled)
        except Exception:  # noqa: BLE001 - user code runs here
            return None
        if not chain or not all(isinstance(link, BaseException) for link in chain):
            return None
        for outer, inner in itertools.pairwise(chain):
            outer.__cause__ = inner
        first: BaseException = chain[0]
        return first


class RemoteTraceback(Exception):
    """The traceback of the worker, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def capture(error: BaseException) -> Failure:
    """Describe an exception that user code raised, beginning with the user's own frames."""
    import traceback  # not before something has failed: 3 ms

    trace = _own_frames(error.__traceback__)
    error = error.with_traceback(trace)
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - __str__ of the exception is user code
        text = "".join(traceback.format_tb(trace)) + f"{_name(error)}: <its message cannot be made>\n"
    return Failure(
        type_name=_name(error),
        message=_message(error),
        traceback_text=text,
        pickled=_pickled(error),
        kinds=_kinds(type(error)),
    )


def library_failure(
    kind: type[errors.LithopsError], message: str, traceback_text: str = "", *, exit_code: int | None = None
) -> Failure:
    """Describe a failure that the library itself diagnosed."""
    return Failure(
        type_name=kind.__name__,
        message=message,
        traceback_text=traceback_text,
        library=True,
        kinds=_kinds(kind),
        exit_code=exit_code,
    )


def qualified_name(kind: type) -> str:
    """Return the module and the name under which a class was defined."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _kinds(kind: type) -> tuple[str, ...]:
    return tuple(qualified_name(base) for base in kind.__mro__[:-1])


def _own_frames(trace: TracebackType | None) -> TracebackType | None:
    here = trace
    while here is not None and here.tb_frame.f_code.co_filename.startswith(_OURS):
        here = here.tb_next
    return here if here is not None else trace


def _name(error: BaseException) -> str:
    kind = type(error)
    plain = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if plain else qualified_name(kind)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - user code
        return "<the exception's message cannot be made>"


def _pickled(error: BaseException) -> bytes | None:
    import cloudpickle

    chain = [error]
    while chain[-1].__cause__ is not None and len(chain) < _LONGEST_CHAIN:
        chain.append(chain[-1].__cause__)
    for candidate in (chain, chain[:1]):
        with contextlib.suppress(Exception):  # user code
            data: bytes = cloudpickle.dumps(candidate, protocol=5)
            return data
    return None
