"""The executors: what users make, submit to and wait on.

Little is imported before an executor is made: on this machine, the process that starts workers comes first, and the
rest is imported while it starts.

Over 400 lines: all that a user can ask of an executor, with what each option means, in one place to look it up.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from lithops.future import ResponseFuture
    from lithops.futures import FuturesList
    from lithops.jobs.flow import Flow
    from lithops.jobs.retry import RetryPolicy
    from lithops.storage import Storage
    from lithops.stream import ResultStream

ALL_COMPLETED = 100
_numbers = itertools.count()  # of the executors of this process


class FunctionExecutor:
    """Runs functions on the backend of the configuration; on this machine if there is none.

    Use it as a context manager: leaving the block waits for what still runs, or cancels it when an error leaves with
    it. `kwargs` are keys of the backend's section, e.g. `worker_processes`. Thread-safe.

    Raises `ConfigError` for what is wrong with the configuration, `PluginError` for a backend that cannot be used,
    `BackendError` or `RuntimeMismatchError` for one that cannot start.
    """

    def __init__(
        self,
        mode: str | None = None,
        config: Mapping[str, Any] | None = None,
        config_file: str | os.PathLike[str] | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | None = False,
        **kwargs: Any,
    ) -> None:
        from lithops.config.places import is_silent
        from lithops.pool import spare

        here = {mode, backend} <= {None, "localhost"} and "runtime" not in kwargs
        if here and not (config is None and config_file is None and is_silent()):
            from lithops.config.sources import locate, stays_here  # not before it is known that there is something

            here = stays_here(locate(config, config_file))
        if here:
            spare.start(sys.executable)  # it takes as long to start as all the rest of this
        try:
            self._begin(mode, config, config_file, backend, storage, monitoring, log_level, kwargs)
        finally:
            spare.drop()  # where nobody took it

    def _begin(
        self,
        mode: str | None,
        config: Mapping[str, Any] | None,
        config_file: str | os.PathLike[str] | None,
        backend: str | None,
        storage: str | None,
        monitoring: str | None,
        log_level: str | int | None,
        overrides: dict[str, Any],
    ) -> None:
        import atexit
        import weakref
        from functools import partial

        from lithops.config.resolution import resolve
        from lithops.logs import set_up_logging, tell_first_of
        from lithops.session import Session

        self.config = resolve(
            mode=mode,
            config=config,
            config_file=config_file,
            backend=backend,
            storage=storage,
            monitoring=monitoring,
            overrides=overrides,
        )
        set_up_logging(self.config.lithops, log_level)
        self.mode = self.config.mode
        self.backend = self.config.backend
        self.executor_id = _new_id()
        self.last_call: str | None = None
        self._session = Session(self.config, self.executor_id)
        self._at_exit = partial(_close_at_exit, weakref.WeakMethod(self.close))
        atexit.register(self._at_exit)
        tell_first_of(self.config)

    # --- submitting

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
        session = self._session
        self._check_memory(runtime_memory)
        options = session.options(
            extra_env=extra_env,
            timeout=timeout,
            retries=retries,
            include_modules=include_modules,
            exclude_modules=exclude_modules,
        )
        self.last_call = "call_async"
        return session.call(func, data, options)

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
        self._check_memory(runtime_memory)
        _no_partitions(obj_chunk_size, obj_chunk_number)
        options = self._session.options(
            extra_args=extra_args,
            extra_env=extra_env,
            timeout=timeout,
            retries=retries,
            chunksize=chunksize,
            include_modules=include_modules,
            exclude_modules=exclude_modules,
            is_map=True,
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
        self._check_memory(map_runtime_memory)
        self._check_memory(reduce_runtime_memory)
        _no_partitions(obj_chunk_size, obj_chunk_number, obj_reduce_by_key)
        session = self._session
        mapping = session.options(
            extra_args=extra_args,
            extra_env=extra_env,
            timeout=timeout,
            retries=retries,
            chunksize=chunksize,
            include_modules=include_modules,
            exclude_modules=exclude_modules,
            is_map=True,
        )
        reducing = session.options(
            extra_args=extra_args_reduce,
            extra_env={**(extra_env or {}), "__LITHOPS_REDUCE_JOB": "True"},
            retries=retries,
            include_modules=include_modules,
            exclude_modules=exclude_modules,
        )
        self.last_call = "map_reduce"
        return self._mine(session.map_reduce(map_function, map_iterdata, mapping, reduce_function, reducing))

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
        flow = self._flow(
            map_function,
            ordered,
            buffer,
            runtime_memory,
            chunksize=chunksize,
            extra_args=extra_args,
            extra_env=extra_env,
            timeout=timeout,
            include_modules=include_modules,
            exclude_modules=exclude_modules,
            retries=retries,
        )
        return ResultStream(flow, items, throw_except=throw_except)

    # --- waiting

    def wait(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        throw_except: bool = True,
        return_when: int = ALL_COMPLETED,
        download_results: bool = False,
        timeout: float | None = None,
        threadpool_size: int = 64,
        wait_dur_sec: float | None = None,
        show_progressbar: bool = True,
    ) -> tuple[FuturesList, FuturesList]:
        """Wait as `lithops.wait` does; without `fs`, for every call whose result was not taken. Ctrl-C cancels them."""
        from lithops.wait import wait

        futures = self._session.unread() if fs is None else fs
        with self._session.cancelling(futures):
            done, not_done = wait(
                futures,
                throw_except=throw_except,
                return_when=return_when,
                download_results=download_results,
                timeout=timeout,
                show_progressbar=show_progressbar,
            )
        done.executor = not_done.executor = self
        return done, not_done

    def get_result(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        throw_except: bool = True,
        timeout: float | None = None,
        threadpool_size: int = 64,
        wait_dur_sec: float | None = None,
        show_progressbar: bool = True,
    ) -> Any:
        """Return results in order, as `lithops.get_result` does; the bare result of a single call that is no map.

        Without `fs`, of every call whose result was not taken, but for calls that only feed others. Ctrl-C cancels
        what is waited for.
        """
        from lithops.future import ResponseFuture
        from lithops.session import jobs_of, loud
        from lithops.wait import get_result

        futures = self._session.unread() if fs is None else loud(fs)
        with self._session.cancelling(futures):
            results = get_result(futures, throw_except=throw_except, timeout=timeout, show_progressbar=show_progressbar)
        of_a_map = any(job.facts.is_map for job in jobs_of(futures))
        single = isinstance(fs, ResponseFuture) or (len(results) == 1 and not of_a_map)
        return results[0] if single else results

    def as_completed(
        self, fs: ResponseFuture | Iterable[ResponseFuture] | None = None, timeout: float | None = None
    ) -> Iterator[ResponseFuture]:
        """Yield futures as their calls end; `JobTimeoutError` if that takes longer than `timeout` seconds in all."""
        from lithops.wait import as_completed

        futures = self._session.unread() if fs is None else fs
        ended = as_completed(futures, timeout=timeout)  # here, so that its time begins now

        def watch() -> Iterator[ResponseFuture]:
            with self._session.cancelling(futures):
                yield from ended

        return watch()

    # --- looking back

    @property
    def futures(self) -> FuturesList:
        """The futures of all jobs whose results this executor still keeps, in the order they were submitted."""
        return self._mine(self._session.futures())

    @property
    def total_jobs(self) -> int:
        """How many jobs were submitted."""
        return self._session.total_jobs

    @property
    def storage(self) -> Storage:
        """The store of the configuration."""
        return self._session.storage

    @property
    def is_lithops_worker(self) -> bool:
        """Whether this executor was made by a function that a worker runs."""
        from lithops.worker.context import current

        return bool(current.job_key)

    def plot(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        dst: str | None = None,
        figsize: tuple[float, float] = (10, 6),
    ) -> None:
        """Draw when calls ran and how long they took: `<dst>_timeline.png` and `<dst>_histogram.png`.

        Without `fs`, of all calls that have ended; `figsize` is in inches. Needs `lithops-core[plot]`.
        """
        from lithops.future import ResponseFuture
        from lithops.plots import plot

        futures = self.futures if fs is None else [fs] if isinstance(fs, ResponseFuture) else fs
        plot([future.stats for future in futures if future.ready], dst, figsize)

    def clean(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        cs: Iterable[Any] | None = None,
        clean_cloudobjects: bool = True,
        clean_fn: bool = False,
        force: bool = False,
        on_exit: bool = False,
    ) -> None:
        """Remove what this executor's jobs left behind: logs, temporary objects, and the cloud objects `cs`."""
        from lithops.session import jobs_of
        from lithops.types import CleanScope

        if cs is not None:
            self.storage.delete_cloudobjects(list(cs))
            if fs is None:
                return
        keys = (self.executor_id,) if fs is None else tuple(job.key for job in jobs_of(fs))
        self._session.drop_promises(keys)
        self._session.plugins.clean(CleanScope(job_keys=keys))

    # --- the end

    def close(self) -> None:
        """End what still runs, as cancelled, and let go of all workers; harmless when repeated."""
        import atexit

        atexit.unregister(self._at_exit)
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._session.closed:
                self._session.settle()
        finally:
            self.close()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.executor_id} on {self.backend}{', closed' if self._session.closed else ''}>"
        )

    def _repr_html_(self) -> str:
        """Show the executor in a notebook."""
        from lithops.display import executor_html

        session = self._session
        return executor_html(self.executor_id, self.backend, session.closed, session.jobs())

    def _mine(self, futures: FuturesList) -> FuturesList:
        """Let a list know its executor, so that jobs can be chained."""
        futures.executor = self
        return futures

    def _flow(
        self,
        map_function: Callable[..., Any],
        ordered: bool = True,
        buffer: int | None = None,
        runtime_memory: int | None = None,
        **options: Any,
    ) -> Flow:
        """Start the job behind `imap`."""
        self._check_memory(runtime_memory)
        session = self._session
        checked = session.options(is_map=True, **options)
        self.last_call = "imap"
        return session.stream(map_function, checked, ordered=ordered, buffer=buffer)

    def _check_memory(self, runtime_memory: int | None) -> None:
        limit = self._session.memory_mb
        if runtime_memory is not None and runtime_memory != limit:
            from lithops.errors import BadCallError

            raise BadCallError(
                f"runtime_memory={runtime_memory!r} differs from the executor's ({limit!r}); on this backend it "
                "holds for all workers: pass it to the executor"
            )


class LocalhostExecutor(FunctionExecutor):
    """A `FunctionExecutor` on this machine."""

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | os.PathLike[str] | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            backend="localhost",
            config=config,
            config_file=config_file,
            storage=storage,
            monitoring=monitoring,
            log_level=log_level,
            **kwargs,
        )


class _ModeExecutor(FunctionExecutor):
    _mode: str

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        config_file: str | os.PathLike[str] | None = None,
        backend: str | None = None,
        storage: str | None = None,
        monitoring: str | None = None,
        log_level: str | int | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            mode=self._mode,
            backend=backend,
            config=config,
            config_file=config_file,
            storage=storage,
            monitoring=monitoring,
            log_level=log_level,
            **kwargs,
        )


class ServerlessExecutor(_ModeExecutor):
    """A `FunctionExecutor` on a serverless backend."""

    _mode = "serverless"


class StandaloneExecutor(_ModeExecutor):
    """A `FunctionExecutor` on hosts."""

    _mode = "standalone"


def _new_id() -> str:
    """Session and number; inside a worker, the session is the call, so that ids never meet."""
    from lithops.worker.context import current as here

    session = f"{here.job_key}-{here.call:05d}" if here.job_key else os.urandom(3).hex()
    return f"{session}-{next(_numbers)}"


def _close_at_exit(method: Callable[[], Callable[[], None] | None]) -> None:
    close = method()
    if close is not None:
        close()


def _no_partitions(*options: object) -> None:
    if any(options):
        from lithops.errors import BadCallError

        raise BadCallError(
            "obj_chunk_size, obj_chunk_number and obj_reduce_by_key cut stored objects into partitions, which this "
            "version does not do; pass items that say which part to read"
        )
