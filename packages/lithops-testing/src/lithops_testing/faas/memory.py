"""How much memory a process and all that it started take, as Linux tells; 0 elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def used_mb(pid: int, enough_mb: int) -> int:
    """Return the memory of a process and its descendants, each shared page counted once.

    That is slow to tell exactly, so it is not as long as the sum without regard to sharing is below `enough_mb`.
    """
    pids = list(_family(pid))
    rough = sum(_resident_bytes(member) for member in pids) >> 20
    return rough if rough <= enough_mb else sum(map(_proportional_kb, pids)) >> 10


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _proportional_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
