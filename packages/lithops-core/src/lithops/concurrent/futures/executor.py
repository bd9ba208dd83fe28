"""`Executor`: a `FunctionExecutor` behind the interface of the standard library."""

from __future__ import annotations

import concurrent.futures
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lithops.concurrent.futures.calls import call_of
from lithops.concurrent.futures.feeder import Feeder
from lithops.concurrent.futures.future import Future
from lithops.errors import BadCallError
from lithops.executors import FunctionExecutor
from lithops.jobs.checked import whole
from lithops.worker.spread import Initializer

if TYPE_CHECKING:
    from types import TracebackType

_SHUT = "cannot schedule new futures after shutdown"

P = ParamSpec("P")
T = TypeVar("T")


class Executor(concurrent.futures.Executor):
    """Runs calls wherever a `FunctionExecutor` does. Thread-safe.

    It uses `fexec`, which stays its owner's, or makes one with `keywords` and closes it on `shutdown`.
    """

    def __init__(
        self,
        fexec: FunctionExecutor | None = None,
        /,
        *,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **keywords: Any,
    ) -> None:
        """Each worker calls `initializer(*initargs)` before its first call; if that raises, the call has failed."""
        if initializer is not None and not callable(initializer):
            raise BadCallError(f"initializer must be something to call, found {initializer!r}")
        if not isinstance(initargs, Iterable):
            raise BadCallError(
                f"initargs must be the arguments of the initializer, found {initargs!r}; write ({initargs!r},)"
            )
        if fexec is not None and not isinstance(fexec, FunctionExecutor):
            raise BadCallError(
                f"expected a FunctionExecutor or the keywords of one, found {fexec!r}; for a number of workers take "
                "ProcessPoolExecutor"
            )
        if fexec is not None and keywords:
            raise BadCallError(f"a FunctionExecutor that exists takes no keywords, found {', '.join(keywords)}")
        self._fexec = FunctionExecutor(**keywords) if fexec is None else fexec
        session = self._fexec._session
        first: Initializer | None = None
        if initializer is not None:
            first = Initializer(key=os.urandom(8).hex(), function=initializer, args=tuple(initargs))
        self._feeder = Feeder(session, _nothing if fexec is not None else self._fexec.close, first)
        self._max_workers = session.limits.parallel_calls
        """How many calls run at the same time, under the name at which dask looks for it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start `fn(*args, **kwargs)` and return its future.

        Raises `ClosedError`, which is a `RuntimeError`, after `shutdown`; what cannot be pickled is the future's error.
        """
        future: Future[T] = Future()
        future.feeder = self._feeder
        self._feeder.add((call_of(future, fn, args, kwargs),))
        return future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Start `fn(*items)` for the items of the iterables side by side; return an iterator of results, in order.

        All items are taken at once, or, with `buffersize`, no more than so many of them ahead of the results.
        `TimeoutError` if a result is not there `timeout` seconds after this call; the calls that were not begun are
        cancelled then, and when one raised. `chunksize` has no effect: how many calls a worker gets at once follows
        from how long they take. Raises `BadCallError`, which is a `ValueError` and a `TypeError`, for sizes that are none.
        """
        whole("chunksize", chunksize, 1)
        if buffersize is not None:
            whole("buffersize", buffersize, 1)
        deadline = None if timeout is None else time.monotonic() + timeout
        items = zip(*iterables, strict=False)
        futures = self._submit_all(fn, items if buffersize is None else islice(items, buffersize))

        def results() -> Iterator[T]:
            try:
                while futures:
                    if buffersize is not None:
                        futures.extend(self._submit_all(fn, islice(items, 1)))
                    yield _result(futures.popleft(), deadline)
            finally:
                for future in futures:
                    future.cancel()

        return results()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and end the workers once all calls have ended; may be repeated.

        With `wait`, returns when that is done. `cancel_futures` cancels calls that were not handed to the backend.
        """
        self._feeder.end(_SHUT, wait=wait, cancel=cancel_futures)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down, waiting for all calls; Ctrl-C, before or meanwhile, ends them."""
        if isinstance(error, KeyboardInterrupt):
            self._feeder.give_up(_SHUT)
        else:
            self.shutdown()

    def _submit_all(self, fn: Callable[..., T], items: Iterable[tuple[Any, ...]]) -> deque[Future[T]]:
        calls = [call_of(Future(), fn, args, {}) for args in items]
        for call in calls:
            call.future.feeder = self._feeder
        self._feeder.add(calls)
        return deque(call.future for call in calls)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._fexec!r}>"


def _result(future: Future[T], deadline: float | None) -> T:
    """Return the result of a future, which is cancelled if that takes too long, without keeping hold of either."""
    try:
        try:
            return future.result(None if deadline is None else deadline - time.monotonic())
        finally:
            future.cancel()
    finally:
        del future


def _nothing() -> None:
    """A `FunctionExecutor` that was given is its owner's to close."""
