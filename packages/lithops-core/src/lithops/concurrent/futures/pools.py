"""Executors under the names and with the parameters of the standard module's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lithops.concurrent.futures.executor import Executor
from lithops.errors import BadCallError
from lithops.jobs.checked import as_whole


class ProcessPoolExecutor(Executor):
    """Stands in for the standard class of this name. `keywords` are those of a `FunctionExecutor`."""

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: object = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        **keywords: Any,
    ) -> None:
        """`mp_context` has no effect: workers are started in one way only."""
        if max_tasks_per_child is not None:
            raise BadCallError(f"max_tasks_per_child={max_tasks_per_child!r}: workers are kept here; leave it out")
        super().__init__(initializer=initializer, initargs=initargs, **_keys(max_workers, keywords))


class ThreadPoolExecutor(Executor):
    """Stands in for the standard class of this name; calls run in processes all the same."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        **keywords: Any,
    ) -> None:
        """`thread_name_prefix` has no effect."""
        super().__init__(initializer=initializer, initargs=initargs, **_keys(max_workers, keywords))


def _keys(max_workers: int | None, keywords: dict[str, Any]) -> dict[str, Any]:
    """Say how many calls are to run at the same time under the name that the backend has for it."""
    if max_workers is None:
        return keywords
    number = as_whole(max_workers)
    if number is None or number <= 0:
        raise BadCallError(f"max_workers must be greater than 0, and whole, found {max_workers!r}")
    from lithops.config.resolution import resolve

    said = keywords.get
    chosen = resolve(mode=said("mode"), config=said("config"), config_file=said("config_file"), backend=said("backend"))
    name = "worker_processes" if chosen.mode == "localhost" else "max_workers"
    return {name: number, **keywords}
