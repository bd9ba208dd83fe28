"""What is behind an executor: its plugins, its invoker and its jobs."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lithops.errors import BadCallError, CancelledError, ClosedError, refuse_forked
from lithops.future import ResponseFuture
from lithops.futures import FuturesList, Some, hush, rows_of
from lithops.invoke.invoker import Invoker
from lithops.invoke.ranges import merged
from lithops.jobs.build import JobBuilder, JobOptions
from lithops.jobs.chains import feed_map, feed_reduce
from lithops.jobs.checked import seconds, whole
from lithops.jobs.flow import Flow
from lithops.jobs.kept import KeptJobs
from lithops.jobs.retry import policy_of
from lithops.opening import configured_plugins, deployed, lane_of, state_folder_of
from lithops.types import CallRange, Lane

if TYPE_CHECKING:
    from lithops.config.settings import Settings
    from lithops.jobs.job import Job, Locator
    from lithops.jobs.journal import Journal, JournalledJob
    from lithops.jobs.leftovers import Leftovers
    from lithops.jobs.notes import Note
    from lithops.jobs.packing import PackedCalls
    from lithops.jobs.retry import RetryPolicy
    from lithops.lanes.depot import Depot
    from lithops.plugins import Plugins
    from lithops.storage import Storage
    from lithops.types import WorkerPart

logger = logging.getLogger(__name__)


class Session:
    """The life of an executor, from its plugins to its end."""

    def __init__(self, settings: Settings, executor_id: str, note: Note | None = None) -> None:
        """`note` is that of an earlier process, whose executor this one goes on with."""
        self._note = note
        self.settings = settings
        self.executor_id = executor_id
        self.closed = False
        self._owner = os.getpid()
        self.total_jobs = 0
        self._lock = threading.Lock()
        self._jobs = KeptJobs()
        self._plain_options: dict[bool, JobOptions] = {}  # of calls and of maps of which nothing was said
        self._flows = weakref.WeakSet[Flow]()
        self._storage: Storage | None = None
        self._leftovers: Leftovers | None = None
        self._promise: Callable[[Job, int], Locator] | None = None
        self.memory_mb: int | None = getattr(settings.compute, "runtime_memory", None)
        self.plugins = configured_plugins(settings, executor_id, state_folder_of(self))
        try:
            self.limits = limits = self.plugins.limits(settings.compute)
            runtime, part = deployed(self.plugins, limits, lambda: self.storage)
            self._depot = None if part is None else self._depot_for(part)
            lane = lane_of(settings, limits, reached=part is not None)
            self._invoker = Invoker(
                self.plugins,
                limits,
                infrastructure_retries=settings.lithops.infrastructure_retries,
                lane=lane,
                depot=self._depot,
                journal=self._journal() if lane is Lane.STORAGE else None,
                interval_s=settings.lithops.monitoring_interval,
                speculation=settings.lithops.speculation,
            )
            self._builder = JobBuilder(
                executor_id=executor_id,
                backend=settings.backend,
                runtime_name=runtime.description,
                runtime_memory=self.memory_mb,
                pump=self.plugins.pump(),
                storage=lambda: self.storage,
                parallel=limits.parallel_calls,
                lane=lane,
                put_inputs=None if self._depot is None else self._depot.put_inputs,
            )
        except BaseException:
            self.plugins.close()
            raise
        # An executor that nobody closed ends when neither it nor a future of it is in use any more.
        self._finalizer = weakref.finalize(self, _let_go, self._invoker, self.plugins)
        self._finalizer.atexit = False
        logger.debug("executor %s: %s, on %s", executor_id, settings.backend, runtime.description)

    def _depot_for(self, part: WorkerPart) -> Depot:
        from lithops.lanes.depot import Depot

        return Depot(self.storage, part, self.executor_id, self.leftovers)

    def _journal(self) -> Journal:
        from lithops.jobs.journal import Journal

        return Journal(self.leftovers.tell)

    # --- jobs

    def options(
        self,
        *,
        extra_args: Any = None,
        extra_env: Any = None,
        timeout: float | None = None,
        retries: int | RetryPolicy | None = None,
        chunksize: int | None = None,
        include_modules: Any = (),
        exclude_modules: Any = (),
        is_map: bool = False,
    ) -> JobOptions:
        """Check what was said of one job and fill in the configured defaults."""
        plain = (
            extra_args is None
            and extra_env is None
            and timeout is None
            and retries is None
            and chunksize is None
            and include_modules == ()
            and exclude_modules == ()
        )
        if plain and (known := self._plain_options.get(is_map)) is not None:
            return known
        defaults = self.settings.lithops
        timeout = defaults.execution_timeout_s if timeout is None else seconds("timeout", timeout)
        chunksize = defaults.chunksize if chunksize is None else whole("chunksize", chunksize, 1)
        for names in (include_modules, exclude_modules):
            if isinstance(names, str):
                raise BadCallError(f"modules are named in a list, found the text {names!r}; write [{names!r}]")
        if chunksize is None and self.limits.calls_per_activation is not None:
            chunksize = getattr(self.settings.compute, "worker_processes", 1)  # an activation runs so many at a time
        options = JobOptions(
            extra_args=extra_args,
            extra_env=extra_env,
            timeout_s=timeout if self.limits.longest_s is None else min(timeout, self.limits.longest_s),
            retry=policy_of(defaults.retries if retries is None else retries),
            chunksize=chunksize,
            include_modules=defaults.include_modules if include_modules in ((), []) else include_modules,
            exclude_modules=exclude_modules or defaults.exclude_modules,
            is_map=is_map,
        )
        if plain:
            self._plain_options[is_map] = options
        return options

    def call(self, function: Callable[..., Any], data: Any, options: JobOptions) -> ResponseFuture:
        """Start a job of one call."""
        job = self._builder.from_items(self._next_id("A"), function, data, options)
        self._start(job)
        return ResponseFuture(job, 0)

    def spread(self, packed: PackedCalls, options: JobOptions, ended: Callable[[Job, int], None]) -> None:
        """Start a job of calls that are packed; `ended(job, row)` is told of each that ends.

        Their results belong to whoever is told, and are left out of `get_result()`.
        """
        job = self._builder.from_packed(self._next_id("A"), packed, options)
        job.quiet = True
        tell = partial(ended, job)
        for row in range(job.table.calls):
            job.table.when_over(row, tell)
        self._start(job)

    def map(self, function: Callable[..., Any], data: Any, options: JobOptions) -> FuturesList:
        """Start a job of a call per item; items that are futures are awaited, without a worker waiting."""
        return self._map(self._next_id("M"), function, data, options)

    def map_reduce(
        self,
        map_function: Callable[..., Any],
        data: Any,
        mapping: JobOptions,
        reduce_function: Callable[..., Any],
        reducing: JobOptions,
    ) -> FuturesList:
        """Start a map and have its results reduced, in a job that is submitted when they are all there."""
        number = self._next_id("M")
        reducer = self._builder.growing("R" + number[1:], reduce_function, 1, reducing, sample=([],))
        mapped = self._map(number, map_function, data, mapping)
        hush(mapped)
        self._adopt(reducer.job)
        if mapped:
            feed_reduce([list(mapped)], reducer, self._invoker)
        else:
            reducer.add(0, ([],))
            self._invoker.submit(reducer.job, (CallRange(first=0, count=1),))
        return FuturesList([*mapped, ResponseFuture(reducer.job, 0)])

    def stream(self, function: Callable[..., Any], options: JobOptions, *, ordered: bool, buffer: int | None) -> Flow:
        """Start a job whose items come later. It is not kept: whoever reads its results lets go of them."""
        buffer = None if buffer is None else whole("buffer", buffer, 1)
        growing = self._builder.growing(self._next_id("M"), function, 0, options)
        job = growing.job

        def tell_end() -> None:
            if self.plugins.hears_jobs:
                self.plugins.job_finished(job.info)

        flow = Flow(growing, self._invoker, ordered=ordered, buffer=buffer, tell_end=tell_end)
        self._adopt(job, flow)
        return flow

    def _map(self, job_id: str, function: Callable[..., Any], data: Any, options: JobOptions) -> FuturesList:
        if isinstance(data, FuturesList) and data:
            upstream = list(data)
            growing = self._builder.growing(job_id, function, len(upstream), options)
            self._adopt(growing.job)
            hush(upstream)
            feed_map(upstream, growing, self._invoker)
            return FuturesList(job=growing.job)
        job = self._builder.from_items(job_id, function, data, options)
        if not job.table.calls:
            return FuturesList()
        self._start(job)
        return FuturesList(job=job)

    def _start(self, job: Job) -> None:
        self._announce(job)
        self._invoker.submit(job, (CallRange(first=0, count=job.table.calls),))
        self._keep(job)  # while the first call runs already

    def _adopt(self, job: Job, flow: Flow | None = None) -> None:
        """Take in a job that is submitted bit by bit; one that flows is not kept."""
        self._announce(job)
        self._keep(job, flow)

    def _announce(self, job: Job) -> None:
        job.submitted = time.time()
        job.cancel = self._cancel
        job.promise = self._promised
        self._invoker.begin(job)
        if self.plugins.hears_jobs:
            self.plugins.job_started(job.info)

    def _keep(self, job: Job, flow: Flow | None = None) -> None:
        with self._lock:
            self._must_be_open()
            if flow is None:
                self._jobs.add(job)
            else:
                self._flows.add(flow)
        logger.debug("job %s: %d calls of %s", job.key, job.table.calls, job.facts.function_name)

    def adopt(self, jobs: Iterable[JournalledJob]) -> list[Job]:
        """Go on with jobs of an earlier process, whose results come through the store."""
        assert self._depot is not None, "their results lie there"
        adopted: list[Job] = []
        for noted in jobs:
            job = noted.revived(self.executor_id, self.settings.backend, self.memory_mb, self.limits.parallel_calls)
            job.cancel, job.promise = self._cancel, self._promised
            self._depot.adopt(job.key, noted.secret)
            self._keep(job)
            self._invoker.adopt(job, noted.activations.values())
            self.total_jobs = max(self.total_jobs, int(noted.job_id[1:]) + 1)
            adopted.append(job)
        return adopted

    def _cancel(self, job: Job, first: int, count: int) -> None:
        refuse_forked("executor", self._owner)
        self._invoker.cancel(job, first, count)

    def _next_id(self, letter: str) -> str:
        refuse_forked("executor", self._owner)
        with self._lock:
            self._must_be_open()
            self.total_jobs += 1
            return f"{letter}{self.total_jobs - 1:03d}"

    def _must_be_open(self) -> None:
        if self.closed:
            raise ClosedError(f"executor {self.executor_id} was closed; make a new one")

    @property
    def leftovers(self) -> Leftovers:
        """What this executor has in the store."""
        with self._lock:
            if self._leftovers is None:
                from lithops.jobs.leftovers import Leftovers

                about = {"executor": self.executor_id, "mode": self.settings.mode, "backend": self.settings.backend}
                self._leftovers = Leftovers(self.executor_id, lambda: self.storage, about, self._note)
            return self._leftovers

    def drop_leftovers(self, keys: Iterable[str]) -> None:
        """Remove what these jobs or executors have in the store."""
        if self._leftovers is not None:
            if self._depot is not None:
                self._depot.forget()
            self._leftovers.drop(keys)

    def _promised(self, job: Job, row: int) -> Locator:
        self.leftovers.expect()
        with self._lock:
            if self._promise is None:
                from lithops.jobs.promises import promiser

                self._promise = promiser(lambda: self.storage, lambda: self.storage.bucket)
        return self._promise(job, row)

    # --- looking back

    @property
    def storage(self) -> Storage:
        """The store of the configuration, opened when first asked for."""
        if self._storage is None:
            from lithops.storage import Storage

            self._storage = Storage(config=self.settings)
        return self._storage

    def jobs(self) -> list[Job]:
        """The jobs that are kept."""
        return self._jobs.all()

    def futures(self) -> FuturesList:
        """The futures of all jobs that are kept."""
        return FuturesList(ResponseFuture(job, row) for job in self._jobs.all() for row in range(job.table.calls))

    def unread(self) -> FuturesList:
        """The futures whose results nobody has taken, but for those that only feed other jobs."""
        jobs = self._jobs.unread()
        if len(jobs) == 1 and not any(jobs[0].table.read):
            return FuturesList(job=jobs[0])
        return FuturesList(
            ResponseFuture(job, row) for job in jobs for row in range(job.table.calls) if not job.table.read[row]
        )

    @contextmanager
    def cancelling(self, futures: Some) -> Iterator[None]:
        """Cancel what is waited for when the user interrupts the wait."""
        try:
            yield
        except KeyboardInterrupt:
            for job, rows in rows_of(futures):
                for part in merged(CallRange(first=row, count=1) for row in sorted(rows)):
                    job.cancel(job, part.first, part.count)
            raise

    # --- the end

    def settle(self) -> None:
        """Wait until every call has ended."""
        from lithops.wait import wait

        while running := [job for job in self._jobs.all() if not job.table.complete]:
            for job in running:
                wait(FuturesList(job=job), throw_except=False, show_progressbar=False)

    def close(self) -> None:
        """End what still runs, as cancelled, and let go of the backend; harmless when repeated."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            jobs, flows = self._jobs.all(), list(self._flows)
        finished = all(job.table.complete for job in jobs)
        logger.debug("executor %s is closed", self.executor_id)
        self._finalizer.detach()
        self._invoker.close()
        self.plugins.close()
        for flow in flows:
            flow.stop(CancelledError(f"executor {self.executor_id} was closed before this stream had ended"))
        self._invoker.abandon(jobs)
        if self._leftovers is not None:
            if self.settings.lithops.data_cleaner and (self._note is None or finished):
                unread = [job.key for job in jobs if job.table.has_results_elsewhere]
                self._leftovers.drop_spent(unread=unread, finished=finished)
            self._leftovers.close()


def _let_go(invoker: Invoker, plugins: Plugins) -> None:
    """Close what an executor had; on a thread of its own, for garbage is collected anywhere, with any lock held."""

    def close() -> None:
        invoker.close()
        plugins.close()

    threading.Thread(target=close, name="lithops-close", daemon=True).start()
