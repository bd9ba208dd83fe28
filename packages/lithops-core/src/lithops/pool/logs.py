"""The files that workers write their output to, as the driver sees them."""

from __future__ import annotations

import contextlib
import os


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


def remove_empty(log_dir: str | None) -> None:
    """Remove the files of workers that wrote nothing."""
    if log_dir is None:
        return
    with contextlib.suppress(OSError), os.scandir(log_dir) as entries:
        for entry in entries:
            if entry.name.startswith("worker-") and entry.stat().st_size == 0:
                os.unlink(entry.path)  # noqa: PTH108 - as above
