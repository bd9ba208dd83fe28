"""The executors: what users make, submit to (see `lithops.submitting`) and wait on.

Little is imported before an executor is made: on this machine, the process that starts workers comes first, and the
rest is imported while it starts.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from lithops.submitting import Submitting

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from lithops.config import Settings
    from lithops.future import ResponseFuture
    from lithops.futures import FuturesList
    from lithops.session import Session
    from lithops.storage import Storage
    from lithops.types import Cost

ALL_COMPLETED = 100
_numbers = itertools.count()  # of the executors of this process


class FunctionExecutor(Submitting):
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
        self.last_call: str | None = None
        self.executor_id, self._session = self._open(self.config)
        self._at_exit = partial(_close_at_exit, weakref.WeakMethod(self.close))
        atexit.register(self._at_exit)
        weakref.finalize(self, atexit.unregister, self._at_exit).atexit = False
        tell_first_of(self.config)

    def _open(self, settings: Settings) -> tuple[str, Session]:
        """Return a name and what is behind it."""
        from lithops.session import Session

        executor_id = _new_id()
        return executor_id, Session(settings, executor_id)

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
        from lithops.futures import held
        from lithops.wait import wait

        futures = self._session.unread() if fs is None else held(fs)
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
        from lithops.futures import jobs_of, loud
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
        from lithops.futures import held
        from lithops.wait import as_completed

        futures = self._session.unread() if fs is None else held(fs)
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

    def job_summary(self, cloud_objects_n: int = 0) -> list[dict[str, Any]]:
        """Return what each job has used and what that costs, as a row of plain values, with a last row for all of them.

        Columns are those of `lithops.jobs.summary.summary_of`. `cloud_objects_n` is accepted for programs that pass it.
        """
        from lithops.jobs.summary import summary_of

        session = self._session
        return summary_of(session.jobs(), session.memory_mb, session.plugins.price)

    def estimate(self, calls: int, call_s: float, chunksize: int | None = None) -> Cost | None:
        """Say what a map would cost whose calls take `call_s` seconds each; None if the backend does not say.

        With `chunksize` calls in an activation; as many as a map would have if it is None. Storage is not counted.
        """
        from lithops.jobs.checked import seconds, whole
        from lithops.types import Usage

        options = self._session.options(chunksize=chunksize, is_map=True)
        together = options.chunksize or 1
        usage = Usage(
            activations=-(-whole("calls", calls, 1) // together),
            billed_ms=round(1000 * seconds("call_s", call_s) * calls),
            memory_mb=self._session.memory_mb or 0,
        )
        return self._session.plugins.price(usage)

    def plot(
        self,
        fs: ResponseFuture | Iterable[ResponseFuture] | None = None,
        dst: str | None = None,
        figsize: tuple[float, float] = (10, 6),
    ) -> None:
        """Draw when calls ran and how long they took: `<dst>_timeline.png` and `<dst>_histogram.png`.

        Without `fs`, of all calls that have ended; `figsize` is in inches. Needs `lithops-core[plot]`. Raises
        `BadCallError` for what are no futures.
        """
        from lithops.future import listed
        from lithops.plots import plot

        futures = self.futures if fs is None else listed(fs)
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
        from lithops.futures import jobs_of
        from lithops.types import CleanScope

        if cs is not None:
            from lithops.storage.cloudobject import cloudobjects_of

            self.storage.delete_cloudobjects(cloudobjects_of("cs", cs))
            if fs is None:
                return
        keys = (self.executor_id,) if fs is None else tuple(job.key for job in jobs_of(fs))
        self._session.drop_leftovers(keys)
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
