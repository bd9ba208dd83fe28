"""Retries under the names users know: `RetryingFunctionExecutor` and its futures.

Any executor retries: `fexec.map(function, items, retries=3)`. What stands here adds the list of plain futures that
know their input.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from lithops.errors import BadCallError, LithopsError
from lithops.executors import FunctionExecutor
from lithops.future import ResponseFuture
from lithops.futures import FuturesList
from lithops.jobs.attempts import Attempt
from lithops.jobs.binding import as_items
from lithops.jobs.promises import Summary, revive, summary
from lithops.jobs.retry import RetryPolicy

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lithops.jobs.job import Job

__all__ = ["Attempt", "RetryPolicy", "RetryingFunctionExecutor", "RetryingFuture"]

_ELSEWHERE = object()


class RetryingFuture(ResponseFuture):
    """A `ResponseFuture` that knows its input. It is done when its call needs no further attempt, however it ended."""

    __slots__ = ("_input",)

    def __init__(self, future: ResponseFuture, item: object) -> None:
        super().__init__(future._job, future._row)
        self._input = item

    def __reduce__(self) -> tuple[Callable[..., ResponseFuture], tuple[object, ...]]:
        return _unpickled, (summary(self._job, self._row),)

    @property
    def input(self) -> Any:
        """The item that the call was given; where that is a future, its result was.

        It does not travel with a pickled future; `LithopsError` where that arrived.
        """
        if self._input is _ELSEWHERE:
            raise LithopsError(
                f"the input of call {self.call_id} of job {self.job_key} stayed where the job was submitted; "
                "send it along with the future"
            )
        return self._input

    @property
    def retries(self) -> int:
        """How often the call is tried again at most."""
        return self._job.facts.retry.retries

    @property
    def failure_count(self) -> int:
        """How many attempts have failed so far."""
        return sum(attempt.state in ("Error", "Lost") for attempt in self.attempts)


class RetryingFunctionExecutor:
    """Runs functions on an executor and returns `RetryingFuture`s.

    Calls are tried again in the background, whether or not somebody waits. Use it as a context manager: leaving the
    block closes the executor, as leaving the executor's own does.
    """

    def __init__(self, executor: FunctionExecutor) -> None:
        if not isinstance(executor, FunctionExecutor):
            raise BadCallError(
                f"RetryingFunctionExecutor takes the executor that is to run the calls, found {executor!r}; write "
                "RetryingFunctionExecutor(FunctionExecutor())"
            )
        self.executor = executor
        self.config = executor.config
        self._lock = threading.Lock()
        self._inputs: weakref.WeakKeyDictionary[Job, Sequence[object]] = weakref.WeakKeyDictionary()

    def call_async(
        self, func: Callable[..., Any], data: Any, *args: Any, retries: int | RetryPolicy | None = None, **options: Any
    ) -> RetryingFuture:
        """Start one call, as `FunctionExecutor.call_async` does, with the same options."""
        future = self.executor.call_async(func, data, *args, retries=retries, **options)
        self._remember(future, [data])
        return RetryingFuture(future, data)

    def map(
        self,
        map_function: Callable[..., Any],
        map_iterdata: Any,
        *args: Any,
        retries: int | RetryPolicy | None = None,
        **options: Any,
    ) -> list[RetryingFuture]:
        """Start one call for each item, as `FunctionExecutor.map` does, with the same options; return all futures.

        `retries` is how often each call is tried again if it fails, or a `RetryPolicy`; the configured `retries`
        without.
        """
        chained = isinstance(map_iterdata, FuturesList)
        items = list(map_iterdata if chained else as_items(map_iterdata)[0])
        data = map_iterdata if chained else items
        futures = self.executor.map(map_function, data, *args, retries=retries, **options)
        if items:
            self._remember(futures[0], items)
        return list(map(RetryingFuture, futures, items))

    def wait(
        self, fs: RetryingFuture | Iterable[RetryingFuture] | None = None, *args: Any, **options: Any
    ) -> tuple[list[RetryingFuture], list[RetryingFuture]]:
        """Wait as `FunctionExecutor.wait` does, with the same options; return those that are done and those that are not.

        Without `fs`, for every call that was submitted here and whose result was not taken. With `throw_except`, the
        first call in order whose last attempt failed raises its error once the wait is over.
        """
        done, not_done = self.executor.wait(self._unread() if fs is None else fs, *args, **options)
        return cast("list[RetryingFuture]", list(done)), cast("list[RetryingFuture]", list(not_done))

    def as_completed(
        self, fs: RetryingFuture | Iterable[RetryingFuture] | None = None, timeout: float | None = None
    ) -> Iterator[RetryingFuture]:
        """Yield futures as their calls need no further attempt, as `FunctionExecutor.as_completed` does."""
        return cast(
            "Iterator[RetryingFuture]", self.executor.as_completed(self._unread() if fs is None else fs, timeout)
        )

    def get_result(
        self, fs: RetryingFuture | Sequence[RetryingFuture] | None = None, *args: Any, **options: Any
    ) -> Any:
        """Return results in order, as `FunctionExecutor.get_result` does, with the same options."""
        return self.executor.get_result(fs, *args, **options)

    def clean(self, fs: RetryingFuture | Iterable[RetryingFuture] | None = None, *args: Any, **options: Any) -> None:
        """Remove what jobs left behind, as `FunctionExecutor.clean` does, with the same options."""
        self.executor.clean(fs, *args, **options)

    def close(self) -> None:
        """Close the executor; harmless when repeated."""
        self.executor.close()

    def __enter__(self) -> Self:
        self.executor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.executor!r}>"

    def _remember(self, future: ResponseFuture, inputs: Sequence[object]) -> None:
        """Keep what a job was given for as long as somebody may ask for it without having its futures."""
        with self._lock:
            for job in [job for job in self._inputs if 0 not in job.table.read]:
                del self._inputs[job]
            self._inputs[future._job] = inputs

    def _unread(self) -> list[RetryingFuture]:
        futures = self.executor._session.unread()
        known = ((future, self._inputs.get(future._job)) for future in futures)
        return [RetryingFuture(future, inputs[future._row]) for future, inputs in known if inputs is not None]


def _unpickled(carried: Summary) -> RetryingFuture:
    return RetryingFuture(ResponseFuture(*revive(carried)), _ELSEWHERE)
