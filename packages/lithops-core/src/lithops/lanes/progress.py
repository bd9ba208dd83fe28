"""How far a job has come, as the store tells without any result being read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.jobs import notes
from lithops.lanes.depot import report_key
from lithops.lanes.listing import arrived
from lithops.storage.storage import reopen

if TYPE_CHECKING:
    from pathlib import Path

    from lithops.jobs.journal import JournalledJob


def progress_of(note: Path, job: JournalledJob) -> dict[str, int]:
    """Return how many `calls` a job has, how many were `handed_over` and how many are `reported`.

    `note` is that of its executor. Raises `StorageError`.
    """
    storage = reopen(*notes.read(note)[0]["store"])
    sizes = {
        report_key(note.name, name): sum(part.count for part in activation.ranges)
        for name, (activation, _) in job.activations.items()
    }
    prefix = report_key(note.name, "")
    found = arrived(storage.storage_handler, storage.bucket, prefix, sorted(sizes))
    return {"calls": job.calls, "handed_over": sum(sizes.values()), "reported": sum(sizes[key] for key in found)}
