"""Going on with jobs whose driver has ended, from a process that comes after it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lithops.errors import LithopsError
from lithops.executors import FunctionExecutor
from lithops.future import ResponseFuture
from lithops.futures import FuturesList
from lithops.jobs import notes
from lithops.jobs.journal import JournalledJob, journalled
from lithops.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from lithops.config import Settings
    from lithops.jobs.notes import Note


def attach(
    key: str, config: Mapping[str, Any] | None = None, config_file: str | os.PathLike[str] | None = None
) -> FuturesList:
    """Return the futures of a job, or of all jobs of an executor, whose driver has ended; `key` is the name of either.

    Their results come through the store as they would have, and `futures.executor` is an executor that goes on where
    the other one has stopped. What the driver had not handed over when it ended, or would have to try again, fails.
    Only for jobs whose lane is storage. Raises `LithopsError` if there is no such job, or its driver still runs, and
    what `FunctionExecutor` raises; the configuration must lead to the same backend and the same store.
    """
    from lithops.config import state_dir

    path, jobs = find(state_dir(), key)
    note = notes.take(path)
    if note is None:
        raise LithopsError(f"the driver of {path.name} still runs; its results are its own")
    try:
        fexec = _AttachedExecutor(note, path.name, config, config_file)
    except BaseException:
        note.close()
        raise
    adopted = fexec._session.adopt(jobs)
    if len(adopted) == 1:
        return FuturesList(job=adopted[0], executor=fexec)
    futures = (ResponseFuture(job, row) for job in adopted for row in range(job.table.calls))
    return FuturesList(futures, executor=fexec)


def find(state_dir: str | Path, key: str) -> tuple[Path, list[JournalledJob]]:
    """Return the note and the jobs of an executor, or the one job, of this name. Raises `LithopsError`."""
    for path in notes.found(state_dir):
        if key != path.name and not key.startswith(f"{path.name}-"):
            continue
        try:
            jobs = journalled(path.name, notes.read(path))
        except ValueError as error:
            raise LithopsError(str(error)) from error
        chosen = [job for job in jobs if key in (path.name, f"{path.name}-{job.job_id}")]
        if chosen:
            return path, chosen
    raise LithopsError(
        f"there is no job {key!r} to attach to; 'lithops job list' shows those there are. Only jobs whose results come "
        "through storage outlive their driver"
    )


class _AttachedExecutor(FunctionExecutor):
    """An executor that goes on where another one has stopped."""

    def __init__(
        self,
        note: Note,
        executor_id: str,
        config: Mapping[str, Any] | None,
        config_file: str | os.PathLike[str] | None,
    ) -> None:
        self._taken = note, executor_id
        about = note.lines()[0]
        super().__init__(
            config=config,
            config_file=config_file,
            backend=about["backend"],
            storage=about["store"][0],
            monitoring="storage",
        )

    def _open(self, settings: Settings) -> tuple[str, Session]:
        note, executor_id = self._taken
        return executor_id, Session(settings, executor_id, note)
