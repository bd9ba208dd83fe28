"""What can be submitted to an executor, with what each option means.

Imports next to nothing: `lithops.executors` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from typing import Any

    from lithops.future import ResponseFuture
    from lithops.futures import FuturesList
    from lithops.jobs.build import JobOptions
    from lithops.jobs.retry import RetryPolicy
    from lithops.session import Session
    from lithops.stream import ResultStream


class Submitting:
    """The methods of an executor that start calls."""

    _session: Session
    last_call: str | None

    def call_async(
        self,
        func: Callable[..., Any],
        data: Any,
        extra_env: Mapping[str, str] | None = None,
        runtime_memory: int | None = None,
        timeout: float | None = None,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | RetryPolicy | None = None,
    ) -> ResponseFuture:
        """Start one call and return its future.

        A tuple fills positional parameters, a dict parameters by name, anything else is the one argument. `timeout`
        is what the call may take, in seconds; `retries` is how often it is tried again if it fails, or a
        `RetryPolicy` that also says for which errors. Raises `BadCallError` for what cannot be called with this, or
        cannot be pickled.
        """
        options = self._options(runtime_memory, extra_env, timeout, retries, include_modules, exclude_modules)
        self.last_call = "call_async"
        return self._session.call(func, data, options)

    def map(
        self,
        map_function: Callable[..., Any],
        map_iterdata: Any,
        chunksize: int | None = None,
        extra_args: tuple[Any, ...] | dict[str, Any] | None = None,
        extra_env: Mapping[str, str] | None = None,
        runtime_memory: int | None = None,
        obj_chunk_size: int | None = None,
        obj_chunk_number: int | None = None,
        obj_newline: str | None = "\n",
        timeout: float | None = None,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | RetryPolicy | None = None,
    ) -> FuturesList:
        """Start one call for each item and return their futures, in order.

        Items are what a list, range, set or iterator holds; anything else is a single item. `extra_args` are appended
        to each item, or merged if items are dicts. `chunksize` is how many calls a worker gets at once; without, it
        follows from how long calls take. A `FuturesList` (of this or another executor) is awaited: the results are
        the items. Raises `BadCallError` as `call_async` does.
        """
        _no_partitions(obj_chunk_size, obj_chunk_number)
        options = self._options(
            runtime_memory, extra_env, timeout, retries, include_modules, exclude_modules, extra_args, chunksize, True
        )
        self.last_call = "map"
        return self._mine(self._session.map(map_function, map_iterdata, options))

    def map_reduce(
        self,
        map_function: Callable[..., Any],
        map_iterdata: Any,
        reduce_function: Callable[..., Any],
        chunksize: int | None = None,
        extra_args: tuple[Any, ...] | dict[str, Any] | None = None,
        extra_args_reduce: tuple[Any, ...] | dict[str, Any] | None = None,
        extra_env: Mapping[str, str] | None = None,
        map_runtime_memory: int | None = None,
        reduce_runtime_memory: int | None = None,
        timeout: float | None = None,
        obj_chunk_size: int | None = None,
        obj_chunk_number: int | None = None,
        obj_newline: str | None = "\n",
        obj_reduce_by_key: bool = False,
        spawn_reducer: int = 20,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | RetryPolicy | None = None,
    ) -> FuturesList:
        """Map, then call `reduce_function` with the list of the results; return the futures of both.

        The reducer starts when all results are there, so it never keeps a worker from mapping (`spawn_reducer` is
        accepted and has no effect). `get_result()` returns the reducer's result only. If a call of the map fails, the
        reducer fails with the same error. `timeout` holds for the calls of the map.
        """
        from lithops.jobs.build import environment

        _no_partitions(obj_chunk_size, obj_chunk_number, obj_reduce_by_key)
        modules = include_modules, exclude_modules
        mapping = self._options(map_runtime_memory, extra_env, timeout, retries, *modules, extra_args, chunksize, True)
        reduce_env = {**(environment(extra_env) if extra_env else {}), "__LITHOPS_REDUCE_JOB": "True"}
        reducing = self._options(reduce_runtime_memory, reduce_env, None, retries, *modules, extra_args_reduce)
        self.last_call = "map_reduce"
        return self._mine(self._session.map_reduce(map_function, map_iterdata, mapping, reduce_function, reducing))

    def imap(
        self,
        map_function: Callable[..., Any],
        iterable: Iterable[Any],
        ordered: bool = True,
        buffer: int | None = None,
        chunksize: int | None = None,
        extra_args: tuple[Any, ...] | dict[str, Any] | None = None,
        extra_env: Mapping[str, str] | None = None,
        runtime_memory: int | None = None,
        timeout: float | None = None,
        include_modules: Sequence[str] | None = (),
        exclude_modules: Sequence[str] = (),
        *,
        retries: int | RetryPolicy | None = None,
        throw_except: bool = True,
    ) -> ResultStream:
        """Call the function for each item of an iterable, which may have no end; return an iterator of the results.

        At most `buffer` calls are in flight or not read; without, up to 4096, fewer if they are large. With
        `ordered=False`, results come as calls end. A call that failed raises its error in its place, or gives it with
        `throw_except=False`, and the next result can be read after that. The items are read by a thread of their own.
        Closing the iterator cancels what is in flight. The results are neither kept nor part of `get_result()`.
        """
        from lithops.stream import ResultStream, items_of

        items = items_of(iterable)
        options = self._options(
            runtime_memory, extra_env, timeout, retries, include_modules, exclude_modules, extra_args, chunksize, True
        )
        self.last_call = "imap"
        flow = self._session.stream(map_function, options, ordered=ordered, buffer=buffer)
        return ResultStream(flow, items, throw_except=throw_except)

    def _mine(self, futures: FuturesList) -> FuturesList:
        """Let a list know its executor, so that jobs can be chained."""
        futures.executor = self  # type: ignore[assignment]  # whoever inherits this can wait and collect, too
        return futures

    def _options(
        self,
        runtime_memory: int | None,
        extra_env: Mapping[str, str] | None,
        timeout: float | None,
        retries: int | RetryPolicy | None,
        include_modules: Sequence[str] | None,
        exclude_modules: Sequence[str],
        extra_args: tuple[Any, ...] | dict[str, Any] | None = None,
        chunksize: int | None = None,
        is_map: bool = False,
    ) -> JobOptions:
        """Check what was said of a job. Raises `BadCallError` for what makes no sense."""
        session = self._session
        if runtime_memory is not None and runtime_memory != session.memory_mb:
            from lithops.errors import BadCallError

            raise BadCallError(
                f"runtime_memory={runtime_memory!r} differs from the executor's ({session.memory_mb!r}); on this "
                "backend it holds for all workers: pass it to the executor"
            )
        return session.options(
            extra_args=extra_args,
            extra_env=extra_env,
            timeout=timeout,
            retries=retries,
            chunksize=chunksize,
            include_modules=include_modules,
            exclude_modules=exclude_modules,
            is_map=is_map,
        )


def _no_partitions(*options: object) -> None:
    if any(options):
        from lithops.errors import BadCallError

        raise BadCallError(
            "obj_chunk_size, obj_chunk_number and obj_reduce_by_key cut stored objects into partitions, which this "
            "version does not do; pass items that say which part to read"
        )
