"""The backend that joblib knows as 'lithops'."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from joblib.parallel import AutoBatchingMixin, FallbackToBackend, ParallelBackendBase, SequentialBackend

from lithops.errors import BackendError, BadCallError, ClosedError
from lithops.jobs.shelf import Shelf
from lithops.records import replaced
from lithops.util.joblib.batches import Batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from joblib import Parallel

    from lithops.util.joblib.batches import Batch, Outcome, Told
    from lithops.util.joblib.workers import Lease, Workers


class LithopsBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]  # joblib is not typed
    """Runs one `Parallel` on the executor of some workers, and makes another of its kind for every other `Parallel`."""

    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    default_n_jobs = -1  # whoever asks for this backend by name wants things to run in parallel

    def __init__(
        self, workers: Workers, nesting_level: int | None = None, inner_max_num_threads: int | None = None
    ) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self.parallel: Parallel | None = None
        self._workers = workers
        self._lease: Lease | None = None
        self._batches: Batches | None = None
        self._begin: Callable[[], Batches] | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many jobs run at a time; negative numbers count back from all workers, which are -1.

        Raises `ValueError` for 0, `BadCallError` for a negative number where nobody knows how many workers there are.
        """
        if n_jobs == 0:
            raise ValueError("n_jobs must not be 0; -1 means all workers")
        number = self.default_n_jobs if n_jobs is None else n_jobs
        if number > 0:
            return number
        known = self._workers.parallel()
        if known is None:
            raise BadCallError(
                f"n_jobs={number} counts from all workers, and the compute backend does not say how many there are; "
                "say how many jobs may run at a time, e.g. n_jobs=100"
            )
        return max(known + 1 + number, 1)

    def configure(
        self,
        n_jobs: int | None = 1,
        parallel: Parallel | None = None,
        max_nbytes: int | None = 1 << 20,
        mmap_mode: str | None = "r",
        **_other: object,
    ) -> int:
        """Get ready for a `Parallel`; return how many of its jobs run at a time.

        Arrays of `max_nbytes` and more are shared if `mmap_mode` says that nobody writes to them.
        """
        jobs = self.effective_n_jobs(n_jobs)
        if jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        if parallel is None or parallel is not self.parallel:
            own = LithopsBackend(self._workers, self.nesting_level, self.inner_max_num_threads)
            own.parallel = parallel
            raise FallbackToBackend(own)
        env: dict[str, str] = self._prepare_worker_env(n_jobs=jobs)
        lease = self._lease = self._workers.borrow(jobs, env)
        told = lease.is_here or self.inner_max_num_threads is not None  # it is about the processors of this machine
        session = lease.executor._session
        options = session.options(extra_env=env if told else None)
        most = None if lease.parallel is not None and jobs >= lease.parallel else jobs

        def begin() -> Batches:
            shelf = Shelf(max_nbytes) if max_nbytes is not None and mmap_mode == "r" else None
            return Batches(session, replaced(options, shelf=shelf), most, partial(_is_aborting, parallel))

        self._begin = begin
        return jobs

    def start_call(self) -> None:
        """Begin anew: what was shared or cancelled before does not matter any more."""
        assert self._begin is not None, "configure comes first"
        self._batches = self._begin()

    def submit(self, func: Batch, callback: Told) -> None:
        """Start a batch; `callback` is called when it has ended."""
        if self._batches is not None:  # else another thread has given up meanwhile
            self._batches.submit(func, callback, serve=not self._waits)

    apply_async = submit  # what joblib before 1.5 calls it

    def retrieve_result_callback(self, out: Outcome) -> Any:
        """Return the results of a batch that has ended, or raise what it raised."""
        try:
            return out()
        except (BackendError, ClosedError):
            if self._lease is not None:
                self._workers.drop(self._lease)
            raise

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Wait here for all batches, where joblib would only ask again and again whether they have ended."""
        if self._waits and self._batches is not None:
            self._batches.serve()
        yield

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Cancel what has not ended."""
        if self._batches is not None:
            self._batches.cancel()

    def terminate(self) -> None:
        """Let go of the executor."""
        lease, self._lease = self._lease, None
        self._batches = self._begin = self.parallel = None
        self.reset_batch_stats()
        if lease is not None:
            self._workers.give_back(lease)

    @property
    def _waits(self) -> bool:
        """Whether `Parallel` itself waits for all batches; else it hands them out one by one, or watches the time."""
        parallel = self.parallel
        return parallel is not None and not parallel.return_generator and parallel.timeout is None


def _is_aborting(parallel: Parallel) -> bool:
    """Whether a `Parallel` has begun to give up, which it tells nobody but itself."""
    return bool(parallel._aborting)
