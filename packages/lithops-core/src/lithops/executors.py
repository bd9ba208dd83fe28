"""The executors: what users make, submit to and wait on."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lithops.config.resolution import resolve
from lithops.errors import BadCallError, ClosedError, ConfigError
from lithops.future import ResponseFuture
from lithops.invoke.invoker import Invoker
from lithops.jobs.futures import FuturesList
from lithops.jobs.job import Job, RetryPolicy, live_jobs
from lithops.types import CallRange, CleanScope, ExecutorInfo
from lithops.worker import context

if TYPE_CHECKING:
    from lithops.jobs.build import JobBuilder, JobOptions
    from lithops.plugins import Plugins
    from lithops.storage import Storage

logger = logging.getLogger(__name__)

ALL_COMPLETED = 100
_numbers = itertools.count()  # of the executors of this process
_KEPT_JOBS = 1000
"""Jobs whose results were taken are forgotten in groups, so that submitting stays cheap."""


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
        log_level: str | bool | None = False,
        **kwargs: Any,
    ) -> None:
        self.config = resolve(
            mode=mode,
            config=config,
            config_file=config_file,
            backend=backend,
            storage=storage,
            monitoring=monitoring,
            overrides=kwargs,
        )
        from lithops.logs import set_up_logging, warn_of_namesake

        set_up_logging(self.config.lithops, log_level)
        self.mode = self.config.mode
        self.backend = self.config.backend
        self.is_lithops_worker = bool(context.current.job_key)
        self.executor_id = _new_id()
        self.last_call: str | None = None
        self._jobs: list[Job] = []
        self._total_jobs = 0
        self._lock = threading.Lock()
        self._closed = False
        self._storage: Storage | None = None
        self._plugins = self._open_plugins()
        try:
            self._builder, self._invoker = self._prepare()
        except BaseException:
            self._plugins.close()
            raise
        self._at_exit = weakref.WeakMethod(self.close)
        atexit.register(_close_at_exit, self._at_exit)
        warn_of_namesake()
        for note in self.config.notes:
            logger.info("%s", note)
        logger.debug("executor %s: backend %s, storage %s", self.executor_id, self.backend, self.config.storage)

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
        retries: int | None = None,
    ) -> ResponseFuture:
        """Start one call and return its future.

        A tuple fills positional parameters, a dict parameters by name, anything else is the one argument. `timeout`
        is what the call may take, in seconds; `retries` is how often it is tried again if it raises. Raises
        `BadCallError` for what cannot be called with this, or cannot be pickled.
        """
        self._check_memory(runtime_memory)
        options = self._options(None, extra_env, timeout, retries, None, include_modules, exclude_modules)
        job = self._builder.from_items(self._next_id("A"), func, data, options)
        self.last_call = "call_async"
        self._start(job)
        return ResponseFuture(job, 0)

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
        retries: int | None = None,
    ) -> FuturesList:
        """Start one call for each item and return their futures, in order.

        Items are what a list, range, set or iterator holds; anything else is a single item. `extra_args` are appended
        to each item, or merged if items are dicts. `chunksize` is how many calls a worker gets at once; without, it
        follows from how long calls take. Futures as items (of this or another executor) are awaited: their results
        are the items. Raises `BadCallError` as `call_async` does.
        """
        _no_partitions(obj_chunk_size, obj_chunk_number)
        self._check_memory(runtime_memory)
        options = self._options(
            extra_args, extra_env, timeout, retries, chunksize, include_modules, exclude_modules, is_map=True
        )
        self.last_call = "map"
        return self._map(map_function, map_iterdata, options, self._next_id("M"))

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
        retries: int | None = None,
    ) -> FuturesList:
        """Map, then call `reduce_function` with the list of the results; return the futures of both.

        The reducer starts when all results are there, so it never keeps a worker from mapping (`spawn_reducer` is
        accepted and has no effect). `get_result()` returns the reducer's result only. If a call of the map fails, the
        reducer fails with the same error. `timeout` holds for the calls of the map.
        """
        _no_partitions(obj_chunk_size, obj_chunk_number, obj_reduce_by_key)
        self._check_memory(map_runtime_memory)
        self._check_memory(reduce_runtime_memory)
        from lithops.jobs.chains import feed_reduce

        number = self._next_id("M")
        shared = (include_modules, exclude_modules)
        options = self._options(extra_args, extra_env, timeout, retries, chunksize, *shared, is_map=True)
        env = {**(extra_env or {}), "__LITHOPS_REDUCE_JOB": "True"}
        reducing = self._options(extra_args_reduce, env, None, retries, None, *shared)
        self.last_call = "map_reduce"
        reducer = self._builder.growing("R" + number[1:], reduce_function, 1, reducing)
        mapped = self._map(map_function, map_iterdata, options, number)
        _hush(mapped)
        self._adopt(reducer.job)
        if mapped:
            feed_reduce([list(mapped)], reducer, self._invoker)
        else:
            reducer.add(0, ([],))
            self._invoker.submit(reducer.job, (CallRange(first=0, count=1),))
        return FuturesList([*mapped, ResponseFuture(reducer.job, 0)], executor=self)

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

        futures = self._unread() if fs is None else fs
        with self._cancelling(futures):
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
        from lithops.wait import get_result

        futures = self._unread() if fs is None else _loud(fs)
        with self._cancelling(futures):
            results = get_result(
                futures, throw_except=throw_except, timeout=timeout, show_progressbar=show_progressbar
            )
        single = isinstance(fs, ResponseFuture) or (len(results) == 1 and not _one_of_a_map(futures))
        return results[0] if single else results

    def as_completed(
        self, fs: ResponseFuture | Iterable[ResponseFuture] | None = None, timeout: float | None = None
    ) -> Iterator[ResponseFuture]:
        """Yield futures as their calls end; `JobTimeoutError` if that takes longer than `timeout` seconds in all."""
        from lithops.wait import as_completed

        futures = self._unread() if fs is None else fs
        with self._cancelling(futures):
            yield from as_completed(futures, timeout=timeout)

    # --- looking back

    @property
    def futures(self) -> FuturesList:
        """The futures of all jobs whose results this executor still keeps, in the order they were submitted."""
        with self._lock:
            jobs = list(self._jobs)
        return FuturesList((ResponseFuture(job, row) for job in jobs for row in range(job.table.calls)), executor=self)

    @property
    def total_jobs(self) -> int:
        """How many jobs were submitted."""
        return self._total_jobs

    @property
    def storage(self) -> Storage:
        """The store of the configuration."""
        if self._storage is None:
            from lithops.storage import Storage

            self._storage = Storage(config=self.config)
        return self._storage

    def plot(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        dst: str | None = None,
        figsize: tuple[float, float] = (10, 6),
    ) -> None:
        """Draw when calls ran and how long they took: `<dst>_timeline.png` and `<dst>_histogram.png`.

        Without `fs`, of all calls that have ended; `figsize` is in inches. Needs `lithops-core[plot]`.
        """
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
        if cs is not None:
            self.storage.delete_cloudobjects(list(cs))
            if fs is None:
                return
        if fs is None:
            keys: tuple[str, ...] = (self.executor_id,)
        else:
            keys = tuple({f.job_key: None for f in ([fs] if isinstance(fs, ResponseFuture) else fs)})
        self._plugins.clean(CleanScope(job_keys=keys))

    # --- the end

    def close(self) -> None:
        """End what still runs, as cancelled, and let go of all workers; harmless when repeated."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self._at_exit)
        self._invoker.close()
        self._plugins.close()
        self._invoker.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._closed:
                self.wait(self.futures, throw_except=False, show_progressbar=False)
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.executor_id} on {self.backend}{', closed' if self._closed else ''}>"

    # --- inside

    def _open_plugins(self) -> Plugins:
        from lithops.plugins import open_plugins

        settings = self.config
        plugins = open_plugins(compute=settings.backend)
        try:
            state, private = _state_dir()
            info = ExecutorInfo(
                executor_id=self.executor_id,
                mode=settings.mode,
                backend=settings.backend,
                storage=settings.storage,
                state_dir=state,
            )
            others = {other: settings.sections.get(getattr(other, "name", "")) for other in plugins.others}
            plugins.configure(info, compute=settings.compute, others=others)
            if private is not None:
                weakref.finalize(self, private)
        except BaseException:
            plugins.close()
            raise
        return plugins

    def _prepare(self) -> tuple[JobBuilder, Invoker]:
        from lithops.jobs.build import JobBuilder

        limits = self._plugins.limits(self.config.compute)
        runtime = self._plugins.deploy_runtime()
        self._memory = getattr(self.config.compute, "runtime_memory", None)
        builder = JobBuilder(
            executor_id=self.executor_id,
            backend=self.backend,
            runtime_name=runtime.description,
            runtime_memory=self._memory,
            pump=self._plugins.pump(),
            storage=lambda: self.storage,
        )
        retries = self.config.lithops.infrastructure_retries
        return builder, Invoker(self._plugins, limits, infrastructure_retries=retries)

    def _options(
        self,
        extra_args: tuple[Any, ...] | dict[str, Any] | None,
        extra_env: Mapping[str, str] | None,
        timeout: float | None,
        retries: int | None,
        chunksize: int | None,
        include_modules: Sequence[str] | None,
        exclude_modules: Sequence[str],
        is_map: bool = False,
    ) -> JobOptions:
        from lithops.jobs.build import JobOptions

        defaults = self.config.lithops
        if timeout is not None and timeout <= 0:
            raise BadCallError(f"timeout must be more than 0 seconds, found {timeout!r}")
        if retries is not None and retries < 0:
            raise BadCallError(f"retries must be 0 or more, found {retries!r}")
        if chunksize is not None and chunksize < 1:
            raise BadCallError(f"chunksize must be 1 or more, found {chunksize!r}")
        if include_modules == ():
            include_modules = defaults.include_modules
        return JobOptions(
            extra_args=extra_args,
            extra_env=extra_env,
            timeout_s=defaults.execution_timeout_s if timeout is None else timeout,
            retry=RetryPolicy(retries=defaults.retries if retries is None else retries),
            chunksize=defaults.chunksize if chunksize is None else chunksize,
            include_modules=include_modules,
            exclude_modules=exclude_modules or defaults.exclude_modules,
            is_map=is_map,
        )

    def _map(self, function: Callable[..., Any], data: Any, options: JobOptions, job_id: str) -> FuturesList:
        if isinstance(data, FuturesList) and data:
            from lithops.jobs.chains import feed_map

            upstream = list(data)
            _hush(upstream)
            growing = self._builder.growing(job_id, function, len(upstream), options)
            self._adopt(growing.job)
            feed_map(upstream, growing, self._invoker)
            return FuturesList(executor=self, job=growing.job)
        job = self._builder.from_items(job_id, function, data, options)
        if not job.table.calls:
            return FuturesList(executor=self)
        self._start(job)
        return FuturesList(executor=self, job=job)

    def _start(self, job: Job) -> None:
        self._adopt(job)
        self._invoker.submit(job, (CallRange(first=0, count=job.table.calls),))

    def _adopt(self, job: Job) -> None:
        """Make a job this executor's."""
        if self._closed:
            raise ClosedError(f"executor {self.executor_id} was closed; make a new one")
        job.submitted = time.time()
        job.cancel = self._invoker.cancel
        job.promise = self._promise
        live_jobs.add(job)
        with self._lock:
            self._total_jobs += 1
            self._jobs.append(job)
            if self._total_jobs % _KEPT_JOBS == 0:
                self._jobs = [job for job in self._jobs if not _taken(job)]
        if self._plugins.hears_jobs:
            self._plugins.job_started(job.info)

    def _promise(self, job: Job, row: int) -> Any:
        from lithops.jobs.promises import promiser

        self._promise = promiser(lambda: self.storage, lambda: self.storage.bucket)  # type: ignore[method-assign]
        return self._promise(job, row)

    def _next_id(self, letter: str) -> str:
        if self._closed:
            raise ClosedError(f"executor {self.executor_id} was closed; make a new one")
        return f"{letter}{self._total_jobs:03d}"

    def _unread(self) -> FuturesList:
        with self._lock:
            jobs = [job for job in self._jobs if not job.quiet and not _taken(job)]
        if len(jobs) == 1 and not any(jobs[0].table.read):
            return FuturesList(executor=self, job=jobs[0])
        return FuturesList(
            (ResponseFuture(job, row) for job in jobs for row in range(job.table.calls) if not job.table.read[row]),
            executor=self,
        )

    @contextlib.contextmanager
    def _cancelling(self, futures: ResponseFuture | Iterable[ResponseFuture]) -> Iterator[None]:
        """Cancel what is waited for when the user interrupts the wait."""
        try:
            yield
        except KeyboardInterrupt:
            for job in {id(j): j for j in _jobs_of(futures)}.values():
                job.cancel(job, 0, job.table.calls)
            raise

    def _check_memory(self, runtime_memory: int | None) -> None:
        if runtime_memory is not None and runtime_memory != self._memory:
            raise BadCallError(
                f"runtime_memory={runtime_memory!r} differs from the executor's ({self._memory!r}); on this backend it "
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
        log_level: str | bool | None = False,
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
        log_level: str | bool | None = False,
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
    here = context.current
    session = f"{here.job_key}-{here.call:05d}" if here.job_key else os.urandom(3).hex()
    return f"{session}-{next(_numbers)}"


def _state_dir() -> tuple[str, Callable[[], None] | None]:
    """Return the state folder; where there can be none, a private one for as long as the executor lives."""
    from lithops.config.paths import state_dir

    try:
        return str(state_dir()), None
    except ConfigError as error:
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="lithops-")
        logger.warning("%s; until then logs are kept in %r and removed at the end", error, folder)
        return folder, lambda: shutil.rmtree(folder, ignore_errors=True)


def _close_at_exit(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    close = method()
    if close is not None:
        close()


def _taken(job: Job) -> bool:
    return job.table.complete and job.table.read.count(1) == job.table.calls


def _hush(futures: Iterable[ResponseFuture]) -> None:
    """Leave the results of these calls out of `get_result()`: they feed another job."""
    for job in _jobs_of(futures):
        job.quiet = True


def _loud(fs: ResponseFuture | Iterable[ResponseFuture]) -> ResponseFuture | Iterable[ResponseFuture]:
    """Leave calls that only feed another job out, unless there are no others."""
    if isinstance(fs, ResponseFuture) or (isinstance(fs, FuturesList) and fs.job is not None):
        return fs
    futures = list(fs)
    loud = [f for f in futures if not (isinstance(f, ResponseFuture) and f._job.quiet)]
    return loud or futures


def _jobs_of(futures: ResponseFuture | Iterable[ResponseFuture]) -> list[Job]:
    if isinstance(futures, FuturesList) and futures.job is not None:
        return [futures.job]
    several = [futures] if isinstance(futures, ResponseFuture) else futures
    return list({id(f._job): f._job for f in several}.values())


def _one_of_a_map(futures: ResponseFuture | Iterable[ResponseFuture]) -> bool:
    return any(job.facts.is_map for job in _jobs_of(futures))


def _no_partitions(*options: object) -> None:
    if any(options):
        raise BadCallError(
            "obj_chunk_size, obj_chunk_number and obj_reduce_by_key cut stored objects into partitions, which this "
            "version does not do; pass items that say which part to read"
        )
