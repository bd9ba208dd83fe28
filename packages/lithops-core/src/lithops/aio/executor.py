"""`AsyncFunctionExecutor`: an executor for asyncio. What is awaited is a result; who stops awaiting stops the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lithops.aio.helper import Helper
from lithops.aio.streams import AsyncResultStream
from lithops.errors import ClosedError
from lithops.executors import FunctionExecutor
from lithops.future import ResponseFuture
from lithops.futures import FuturesList, jobs_of
from lithops.jobs.awaiting import Alarm, until_complete, until_over
from lithops.stream import items_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lithops.futures import Some
    from lithops.jobs.retry import RetryPolicy

Submitted = TypeVar("Submitted", ResponseFuture, FuturesList)

_SMALL_BYTES = 64 * 1024
"""Results up to this size are unpickled on the loop; a hand-over to another thread takes longer."""


class AsyncFunctionExecutor:
    """Runs functions as `FunctionExecutor` does, made with the same arguments, for a program that runs on asyncio.

    Use it with `async with`: the executor is made on entering. Its methods take what those of `FunctionExecutor` take
    and return results; cancelling who awaits them cancels the calls. Nothing blocks the event loop: submitting and
    closing happen on one thread of the executor's own. May be used from several loops in several threads.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self._make = partial(FunctionExecutor, *arguments, **keywords)
        self._helper = Helper()
        self._executor: FunctionExecutor | None = None

    @property
    def executor(self) -> FunctionExecutor:
        """The executor behind: for its configuration, its storage, its futures and what was measured.

        Raises `ClosedError` outside of `async with`.
        """
        if self._executor is None:
            raise ClosedError("the executor is made by `async with`; use it inside of that block")
        return self._executor

    # --- calls

    async def call_async(self, func: Callable[..., Any], data: Any, **options: Any) -> Any:
        """Run one call and return its result, or raise what it raises."""
        executor = self.executor
        future = await self._submit(lambda: executor.call_async(func, data, **options))
        table, row = future._job.table, future._row
        with self._cancelling(future):
            await until_over(table, row)
        return future.result() if table.result_bytes <= _SMALL_BYTES else await asyncio.to_thread(future.result)

    async def map(
        self, map_function: Callable[..., Any], map_iterdata: Any, *, throw_except: bool = True, **options: Any
    ) -> Any:
        """Run one call for each item and return the results in order.

        The first call in order that failed raises its error when all have ended; with `throw_except=False`, errors
        stand where results would.
        """
        executor = self.executor
        futures = await self._submit(lambda: executor.map(map_function, map_iterdata, **options))
        return await self._results(futures, throw_except)

    async def map_reduce(
        self,
        map_function: Callable[..., Any],
        map_iterdata: Any,
        reduce_function: Callable[..., Any],
        **options: Any,
    ) -> Any:
        """Map, then reduce; return the result of `reduce_function`."""
        executor = self.executor
        futures = await self._submit(
            lambda: executor.map_reduce(map_function, map_iterdata, reduce_function, **options)
        )
        return await self._results(futures, throw_except=True)

    async def as_completed(
        self, map_function: Callable[..., Any], map_iterdata: Any, **options: Any
    ) -> AsyncIterator[ResponseFuture]:
        """Run one call for each item and yield their futures, whose calls have ended, as they end.

        `future.index` tells the item, `future.result()` returns at once. Closing the generator cancels what runs.
        """
        executor = self.executor
        ended: deque[ResponseFuture] = deque()
        alarm = Alarm()

        def arrive(future: ResponseFuture) -> None:
            ended.append(future)
            alarm.ring()

        def start() -> FuturesList:
            futures = executor.map(map_function, map_iterdata, **options)
            for future in futures:
                future.add_done_callback(arrive)
            return futures

        futures = await self._submit(start)
        try:
            for _ in range(len(futures)):
                while not ended:
                    await alarm.wait()
                yield ended.popleft()
        finally:
            self._cancel_soon(futures)

    def imap(
        self,
        map_function: Callable[..., Any],
        iterable: AsyncIterable[Any] | Iterable[Any],
        *,
        ordered: bool = True,
        buffer: int | None = None,
        chunksize: int | None = None,
        extra_args: tuple[Any, ...] | dict[str, Any] | None = None,
        extra_env: Mapping[str, str] | None = None,
        runtime_memory: int | None = None,
        timeout: float | None = None,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        retries: int | RetryPolicy | None = None,
        throw_except: bool = True,
    ) -> AsyncResultStream:
        """Call the function for each item of an iterable, which may have no end; return the results as a stream.

        An async iterable is read on the event loop, any other by a thread of its own, both no further ahead than
        `buffer`. Everything else is as `FunctionExecutor.imap` has it.
        """
        items = iterable if isinstance(iterable, AsyncIterable) else items_of(iterable)
        executor = self.executor
        options = executor._options(
            runtime_memory, extra_env, timeout, retries, include_modules, exclude_modules, extra_args, chunksize, True
        )
        executor.last_call = "imap"
        begin = partial(executor._session.stream, map_function, options, ordered=ordered, buffer=buffer)
        return AsyncResultStream(begin, items, self._helper, throw_except=throw_except)

    # --- the end

    async def close(self) -> None:
        """End what still runs, as cancelled, and let go of all workers; harmless when repeated."""
        if self._executor is not None:
            with suppress(ClosedError):  # it is closed already
                await self._helper.do(self._executor.close)
        self._helper.end()

    async def __aenter__(self) -> Self:
        try:
            self._executor = await self._helper.do(self._make, FunctionExecutor.close)
        except BaseException:
            self._helper.end()
            raise
        self._helper.pump = self._executor._session.plugins.pump()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._executor is not None:
                await asyncio.to_thread(self._executor._session.settle)
        finally:
            await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._executor or 'that was not entered yet'}>"

    # --- how it is done

    async def _submit(self, work: Callable[[], Submitted]) -> Submitted:
        """Have something submitted; it is cancelled if this is."""
        return await self._helper.do(work, _cancel)

    async def _results(self, futures: FuturesList, throw_except: bool) -> Any:
        executor = self.executor
        with self._cancelling(futures):
            for job in jobs_of(futures):
                await until_complete(job.table)
            return await asyncio.to_thread(
                executor.get_result, futures, throw_except=throw_except, show_progressbar=False
            )

    @contextmanager
    def _cancelling(self, futures: Some) -> Iterator[None]:
        """Cancel calls when the task that awaits them is cancelled."""
        try:
            yield
        except asyncio.CancelledError:
            self._cancel_soon(futures)
            raise

    def _cancel_soon(self, futures: Some) -> None:
        self._helper.add(lambda: _cancel(futures))


def _cancel(futures: Some) -> None:
    if isinstance(futures, ResponseFuture):
        futures.cancel()
        return
    for job in jobs_of(futures):
        if not job.table.complete:
            job.cancel(job, 0, job.table.calls)
