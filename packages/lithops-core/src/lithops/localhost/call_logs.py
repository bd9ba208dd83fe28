"""What calls wrote, found again by job and by call."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from lithops.records import record
from lithops.worker.call_index import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20


@record
class CallOutput:
    """What one attempt of a call wrote: bytes `start .. end` of a worker's log."""

    call: int
    path: Path
    start: int
    end: int

    def chunks(self) -> Iterator[bytes]:
        """Read it piece by piece; raises `OSError` if the log is gone."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.end - self.start
            while left > 0 and (chunk := file.read(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk


@record
class JobLog:
    """The index of what the calls of one job wrote."""

    job_key: str
    index: Path

    modified: float
    """When a call that wrote something last ended, as a wall-clock stamp."""

    def outputs(self) -> list[CallOutput]:
        """Return what was written, by call, and where a call was tried again in the order of its attempts."""
        found = [output for line in self.index.read_bytes().splitlines() if (output := self._parsed(line)) is not None]
        return sorted(found, key=lambda output: output.call)

    def _parsed(self, line: bytes) -> CallOutput | None:
        try:
            entry = json.loads(line)
            path = self.index.parent / Path(entry["file"]).name
            return CallOutput(call=entry["call"], path=path, start=entry["start"], end=entry["end"])
        except (ValueError, KeyError, TypeError):  # cut off by a full disk
            return None


def job_logs(root: Path) -> list[JobLog]:
    """Return the jobs of which something was written, the one that wrote last at the end."""
    found = []
    for index in root.glob(f"*/*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # cleaned meanwhile
            modified = index.stat().st_mtime
            found.append(JobLog(job_key=index.name.removesuffix(SUFFIX), index=index, modified=modified))
    return sorted(found, key=lambda job: job.modified)
