"""The files that workers write their output to, as the driver sees them."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from lithops.types import LogSlice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.pool.run import Run, Slot


def last_output(log_dir: str | None, slot: int, pid: int, position: int) -> str:
    """Return what a worker wrote after its last report, e.g. the trace of a crash in native code."""
    if log_dir is None:
        return ""
    try:
        with open(f"{log_dir}/worker-{slot}-{pid}.log", "rb") as log:  # noqa: PTH123 - pathlib takes 3 ms to import
            log.seek(position)
            return log.read(64 * 1024)[-4096:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def last_words(log_dir: str | None, slot: Slot, run: Run, call: int) -> Sequence[LogSlice]:
    """Return what a worker wrote in the call that it died of, if anything, and note it in the job's index."""
    from lithops.worker import call_index  # here, because most drivers never see a worker die
    from lithops.worker.output import TAIL_BYTES

    path = f"{log_dir}/worker-{slot.index}-{slot.pid}.log"
    try:
        with open(path, "rb") as log:  # noqa: PTH123 - as above
            start, end = slot.log_position, log.seek(0, os.SEEK_END)
            if log_dir is None or end <= start:
                return ()
            log.seek(max(start, end - TAIL_BYTES))
            tail = log.read().decode("utf-8", "replace")
    except OSError:
        return ()
    call_index.note(path, run.activation.job_key, call, start, end)
    return (LogSlice(call=call, tail=tail, path=path, start=start, end=end),)


def remove_empty(log_dir: str | None) -> None:
    """Remove the files of workers that wrote nothing."""
    if log_dir is None:
        return
    with contextlib.suppress(OSError), os.scandir(log_dir) as entries:
        for entry in entries:
            if entry.name.startswith("worker-") and entry.stat().st_size == 0:
                os.unlink(entry.path)  # noqa: PTH108 - as above
