"""Who takes part: one adapter each, all with one interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

Function = Callable[..., Any]


class Peer(Protocol):
    """One way to run calls in parallel on this machine, used as its own documentation suggests.

    The module of an adapter also holds `IMPORT` (what a user imports) and `FIRST_RESULT` (a whole program that prints
    a line as soon as it has the result of its first call). It imports its library only when it is opened.
    """

    def open(self, workers: int) -> None:
        """Start whatever runs calls."""

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        """Return the results of all items, in order."""

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        """Return the results of `function(shared, item)`, with the idiom that suits a large shared argument."""

    def call(self, function: Function, item: object) -> object:
        """Run one call and return its result."""

    def close(self) -> None:
        """End all processes that `open` started, and wait for their end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """A name for the command line and the tables, and where its adapter is."""

    key: str
    title: str
    module: str
    distribution: str = ""
    """Empty: the standard library, which runs in our environment."""

    def load(self) -> Any:
        """Import the adapter module."""
        return import_module(f"peers.{self.module}")


PARTICIPANTS: dict[str, Participant] = {
    participant.key: participant
    for participant in (
        Participant(key="lithops-core", title="**lithops-core**", module="ours"),
        Participant(key="bare-fork", title="bare `os.fork`", module="bare_fork"),
        Participant(key="ppe", title="ProcessPoolExecutor", module="process_pool"),
        Participant(key="ppe-chunked", title="ProcessPoolExecutor, chunksize=n/(8 W)", module="process_pool_chunked"),
        Participant(key="mp-pool", title="multiprocessing.Pool", module="multiprocessing_pool"),
        Participant(key="joblib", title="joblib", module="joblib_parallel", distribution="joblib"),
        Participant(key="loky", title="loky", module="loky_executor", distribution="loky"),
        Participant(key="mpire", title="mpire", module="mpire_pool", distribution="mpire"),
        Participant(key="ray", title="ray", module="ray_tasks", distribution="ray"),
        Participant(key="dask", title="dask.distributed", module="dask_cluster", distribution="distributed"),
        Participant(key="lithops-3", title="lithops 3 (PyPI)", module="lithops_release", distribution="lithops"),
    )
}
