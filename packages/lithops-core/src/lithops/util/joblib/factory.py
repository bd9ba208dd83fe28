"""What joblib calls to have a backend, and where workers wait for the next one."""

from __future__ import annotations

import threading
from typing import Any

from lithops.errors import BadCallError
from lithops.executors import FunctionExecutor
from lithops.util.joblib.backend import LithopsBackend
from lithops.util.joblib.workers import IDLE_S, Workers


class Factory:
    """Makes backends; those that were asked for with equal options share their workers."""

    def __init__(self) -> None:
        self._known: list[tuple[dict[str, Any], Workers]] = []
        self._lock = threading.Lock()

    def __call__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        executor: object = None,
        idle_worker_timeout: float = IDLE_S,
        **options: Any,
    ) -> LithopsBackend:
        """Return a backend on a `FunctionExecutor` with these options, or on the `executor` that is given.

        The processes of the former end when nobody has used them for `idle_worker_timeout` seconds. Raises
        `BadCallError` for what cannot be meant.
        """
        if idle_worker_timeout < 0:
            raise BadCallError(
                f"idle_worker_timeout must be a number of seconds from 0 up, found {idle_worker_timeout!r}"
            )
        if executor is None:
            workers = self._workers_for({**options, "idle_worker_timeout": idle_worker_timeout})
        elif not isinstance(executor, FunctionExecutor):
            raise BadCallError(f"executor= takes a FunctionExecutor, found {executor!r}; without it, one is made")
        elif options:
            raise BadCallError(
                f"executor= takes no options beside it, found {', '.join(options)}; give them to the executor"
            )
        else:
            workers = Workers({}, executor)
        return LithopsBackend(workers, nesting_level, inner_max_num_threads)

    def _workers_for(self, options: dict[str, Any]) -> Workers:
        with self._lock:
            for known, workers in self._known:
                if known == options:
                    return workers
            rest = dict(options)
            workers = Workers(rest, idle_worker_timeout=rest.pop("idle_worker_timeout"))
            self._known.append((options, workers))
            return workers
