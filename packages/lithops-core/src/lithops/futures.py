"""`FuturesList`: the futures of a job, made when somebody touches them; and what the user gives for futures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex

from lithops.errors import BadCallError
from lithops.future import ResponseFuture, listed

if TYPE_CHECKING:
    from lithops.jobs.job import Job


class Chainer(Protocol):
    """What a list asks of its executor: the methods of `FunctionExecutor` of the same names."""

    @property
    def map(self) -> Callable[..., FuturesList]:
        """Start a call per item."""

    @property
    def map_reduce(self) -> Callable[..., FuturesList]:
        """Start a call per item and a reducer."""

    @property
    def wait(self) -> Callable[..., tuple[FuturesList, FuturesList]]:
        """Wait for calls."""

    @property
    def get_result(self) -> Callable[..., Any]:
        """Collect results."""


class Printer(Protocol):
    """What IPython hands to those who print themselves."""

    @property
    def text(self) -> Callable[[str], object]:
        """Print."""


class FuturesList(list[ResponseFuture]):
    """A list of futures that knows its executor, so that jobs can be chained.

    The list of a fresh job is empty inside and fills itself on first touch: a million calls are not a million
    objects until somebody asks for them.
    """

    __slots__ = ("_filling", "_lazy", "executor")

    def __init__(
        self,
        futures: Iterable[ResponseFuture] = (),
        *,
        executor: Chainer | None = None,
        job: Job | None = None,
    ) -> None:
        super().__init__(futures)
        self.executor = executor
        self._lazy = job
        self._filling = threading.Lock() if job is not None else None

    @property
    def job(self) -> Job | None:
        """The job whose calls this is exactly, as long as nobody has looked at single futures."""
        return self._lazy

    def map(self, map_function: Callable[..., object], *, sync: bool = False, **options: Any) -> FuturesList:
        """Apply a function to each result, as they come; this list becomes the list of the new futures.

        A call starts when the one before it has ended, without a worker waiting. With `sync`, all must have ended.
        """
        executor = self._executor()
        if sync:
            executor.wait(self)
        return self._become(executor.map(map_function, self._copy(), **options))

    def map_reduce(
        self,
        map_function: Callable[..., object],
        reduce_function: Callable[..., object],
        *,
        sync: bool = False,
        **options: Any,
    ) -> FuturesList:
        """Apply a function to each result and reduce what comes of it; this list becomes the reducer's."""
        executor = self._executor()
        if sync:
            executor.wait(self)
        return self._become(executor.map_reduce(map_function, self._copy(), reduce_function, **options))

    def wait(self, **options: Any) -> tuple[FuturesList, FuturesList]:
        """Wait, as `FunctionExecutor.wait` does."""
        return self._executor().wait(self, **options)

    def get_result(self, **options: Any) -> Any:
        """Return the results, as `FunctionExecutor.get_result` does."""
        return self._executor().get_result(self, **options)

    def _repr_html_(self) -> str:
        """Show the calls in a notebook, in sum."""
        from lithops.display import list_html

        return list_html(self)

    def _repr_pretty_(self, printer: Printer, _cycle: bool) -> None:
        """Show the calls in IPython, in sum: a million futures are more than anybody reads."""
        from lithops.display import list_text

        printer.text(list_text(self))

    def _executor(self) -> Chainer:
        if self.executor is None:
            raise BadCallError("this list belongs to no executor; pass it to a method of one instead")
        return self.executor

    def _copy(self) -> FuturesList:
        job = self._lazy
        return FuturesList(() if job is not None else list(self), executor=self.executor, job=job)

    def _become(self, other: FuturesList) -> FuturesList:
        self._lazy = None
        list.clear(self)
        list.extend(self, () if other._lazy is not None else list.__iter__(other))
        self._lazy, self._filling = other._lazy, other._filling
        return self

    def _fill(self) -> None:
        guard = self._filling
        if self._lazy is None or guard is None:
            return
        with guard:  # another thread may touch the list for the first time, too
            job = self._lazy
            if job is not None:
                list.extend(self, list(map(ResponseFuture, repeat(job), range(job.table.calls))))
                self._lazy = None

    def __len__(self) -> int:
        return self._lazy.table.calls if self._lazy is not None else list.__len__(self)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[ResponseFuture]:
        self._fill()
        return list.__iter__(self)

    def __radd__(self, other: list[Any]) -> list[Any]:
        return [*other, *self]

    def __copy__(self) -> FuturesList:
        return self._copy()

    def __reduce_ex__(self, _protocol: SupportsIndex) -> tuple[Any, ...]:
        return FuturesList, (list(self),)


def _touching(name: str) -> Callable[..., Any]:
    """Make a list method that fills the list first."""
    inner = getattr(list, name)

    def method(self: FuturesList, *args: Any, **keywords: Any) -> Any:
        self._fill()
        for other in args:
            if isinstance(other, FuturesList):
                other._fill()  # lists look into each other without a word
        return inner(self, *args, **keywords)

    method.__name__ = name
    method.__doc__ = inner.__doc__
    return method


for _name in (
    *("__add__", "__contains__", "__delitem__", "__eq__", "__ge__", "__getitem__", "__gt__", "__iadd__", "__imul__"),
    *("__le__", "__lt__", "__mul__", "__ne__", "__repr__", "__reversed__", "__rmul__", "__setitem__", "append"),
    *("clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"),
):
    setattr(FuturesList, _name, _touching(_name))


# --- what the user gives for futures

Some = ResponseFuture | Iterable[ResponseFuture]


def hush(futures: Some) -> None:
    """Leave the results of these calls out of `get_result()`: they feed another job."""
    for job in jobs_of(futures):
        job.quiet = True


def loud(futures: Some) -> Some:
    """Leave out calls that only feed another job, unless there are no others."""
    if isinstance(futures, ResponseFuture) or (isinstance(futures, FuturesList) and futures.job is not None):
        return futures
    several = listed(futures)
    return [future for future in several if not future._job.quiet] or several


def held(futures: Some) -> Some:
    """Return futures that can be gone through more than once. Raises `BadCallError` for what are none."""
    return futures if isinstance(futures, ResponseFuture | FuturesList) else listed(futures)


def rows_of(futures: Some) -> list[tuple[Job, Iterable[int]]]:
    """Return the calls that futures belong to, by job, as rows of its table."""
    if isinstance(futures, FuturesList) and futures.job is not None:
        return [(futures.job, range(futures.job.table.calls))]
    rows: dict[Job, set[int]] = {}
    for future in listed(futures):
        rows.setdefault(future._job, set()).add(future._row)
    return list(rows.items())


def jobs_of(futures: Some) -> list[Job]:
    """The jobs that futures belong to, each once."""
    if isinstance(futures, FuturesList) and futures.job is not None:
        return [futures.job]
    return list({id(future._job): future._job for future in listed(futures)}.values())
