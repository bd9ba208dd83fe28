"""The executor behind joblib backends: made when needed, shared, closed when nobody has needed it for a while."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from lithops.executors import FunctionExecutor
from lithops.invoke.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Mapping

IDLE_S = 300.0
"""How long workers stay warm for the next `Parallel`, as joblib's own do."""


class Lease:
    """An executor, and how many use it."""

    __slots__ = ("_pid", "env", "executor", "users")

    def __init__(self, executor: FunctionExecutor) -> None:
        self.executor = executor
        self.users = 0
        self.env: Mapping[str, str] | None = None
        """What its workers have in their environment, once they have begun."""
        self._pid = os.getpid()

    @property
    def parallel(self) -> int | None:
        """Calls that can run at the same time; None if that is not known."""
        return self.executor._session.limits.parallel_calls

    @property
    def is_here(self) -> bool:
        """Whether its workers run on this machine."""
        return self.executor.mode == "localhost"

    @property
    def is_ours(self) -> bool:
        """Whether this very process made it: a forked child cannot use it."""
        return self._pid == os.getpid()

    def is_too_small(self, n_jobs: int) -> bool:
        """Whether it could have more workers, and needs them."""
        return self.is_here and self.parallel is not None and self.parallel < n_jobs


class Workers:
    """Lends one executor to all who need it. Thread-safe."""

    def __init__(
        self,
        options: Mapping[str, Any],
        executor: FunctionExecutor | None = None,
        idle_worker_timeout: float = IDLE_S,
    ) -> None:
        """`options` are those of `FunctionExecutor`; an `executor` that is given is used as it is and never closed."""
        self._options = options
        self._given = Lease(executor) if executor is not None else None
        self._idle_s = idle_worker_timeout
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._used = 0.0
        self._timers = Timers()
        self._timing = False

    def parallel(self) -> int | None:
        """Return how many calls the executor runs at the same time, None if that is not known."""
        lease = self.borrow(1)
        self.give_back(lease)
        return lease.parallel

    def borrow(self, n_jobs: int, env: Mapping[str, str] | None = None) -> Lease:
        """Return the executor; another one if this machine's has fewer workers than `n_jobs`, or another `env`.

        What libraries read of the environment when they are loaded cannot be changed later, such as their number of
        threads. Raises what making an executor raises.
        """
        with self._lock:
            lease = self._given or self._lease
            if lease is None or (lease is self._lease and not _suits(lease, n_jobs, env)):
                lease = self._replace(n_jobs)
            lease.env = env or lease.env
            lease.users += 1
            return lease

    def give_back(self, lease: Lease) -> None:
        """End the use of an executor."""
        with self._lock:
            lease.users -= 1
            if lease.users or lease is self._given:
                return
            if lease is self._lease and self._idle_s > 0:
                self._used = time.monotonic()
                self._watch(self._idle_s)
                return
            if lease is self._lease:
                self._lease = None
        lease.executor.close()

    def drop(self, lease: Lease) -> None:
        """Lend this executor to nobody any more: it has failed."""
        with self._lock:
            if lease is self._lease:
                self._lease = None

    def _replace(self, n_jobs: int) -> Lease:
        old, self._lease = self._lease, None
        if old is not None and not old.is_ours:
            self._timers, self._timing = Timers(), False  # the thread was left behind in the other process
        elif old is not None and not old.users:
            old.executor.close()
        lease = Lease(FunctionExecutor(**self._options))
        if lease.is_too_small(n_jobs):
            lease.executor.close()
            lease = Lease(FunctionExecutor(**{**self._options, "worker_processes": n_jobs}))
        self._lease = lease
        return lease

    def _watch(self, delay_s: float) -> None:
        if not self._timing:
            self._timing = True
            self._timers.after(delay_s, self._close_if_idle)

    def _close_if_idle(self) -> None:
        with self._lock:
            self._timing = False
            lease = self._lease
            if lease is None or lease.users:
                return
            left = self._used + self._idle_s - time.monotonic()
            if left > 0:
                self._watch(left)
                return
            self._lease = None
        lease.executor.close()


def _suits(lease: Lease, n_jobs: int, env: Mapping[str, str] | None) -> bool:
    same_env = not lease.is_here or lease.env is None or env is None or lease.env == env
    return lease.is_ours and same_env and not lease.is_too_small(n_jobs)
