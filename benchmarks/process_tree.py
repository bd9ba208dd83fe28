"""CPU and memory of a whole tree of processes, read from /proc (Linux only).

A process that daemonises stays in the tree: `adopt_orphans` makes this process the one that orphans fall back to.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Have descendants whose parent dies become children of this process."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat_fields(pid: int) -> list[str]:
    # The name of a process may hold spaces and brackets, so fields are counted from the last bracket.
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def descendants(root: int) -> list[int]:
    """Return the processes below `root`, zombies included."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - done for each reading, and half the price
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError):
                children.setdefault(int(_stat_fields(int(entry))[1]), []).append(int(entry))
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _own_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of `pid`, ended ones included, with the scheduler's own resolution."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) returns for another process


def _others_seconds() -> float:
    """Return the CPU seconds of what lives below this process and of what was reaped there."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = usage.ru_utime + usage.ru_stime
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError, IndexError):
            fields = _stat_fields(pid)
            total += _own_seconds(pid) + (int(fields[13]) + int(fields[14])) * _TICK_S
    return total


class CpuMeter:
    """Count the CPU seconds of this process and of all below it, less what looking at them costs."""

    def __init__(self) -> None:
        self._others = _others_seconds()
        self._own = time.process_time()

    def seconds(self) -> float:
        """Return what has been used since the meter was made.

        Less than was used if a process ends whose parent ignores its children's end: nobody is told then.
        """
        own = time.process_time() - self._own
        return own + _others_seconds() - self._others


def _running() -> list[int]:
    """Return the descendants that have not ended; those that have and are ours to reap are reaped."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    found = []
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError, IndexError):
            if _stat_fields(pid)[0] != "Z":
                found.append(pid)
    return found


def _wait_for_end_of(pid: int, deadline: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        try:
            select.select([ended], [], [], max(0.0, deadline - time.monotonic()))
        finally:
            os.close(ended)


def end_descendants(grace_s: float = 0.0) -> int:
    """Reap everything below this process, killing what has not ended by itself within `grace_s`; return how many."""
    deadline = time.monotonic() + grace_s
    while (below := _running()) and time.monotonic() < deadline:
        _wait_for_end_of(below[0], deadline)
    killed: set[int] = set()
    while descendants(os.getpid()):
        for pid in _running():
            killed.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
    return len(killed)


def status_bytes(pid: int | str, *names: str) -> int:
    """Return the sum of fields of /proc/<pid>/status such as `VmRSS`."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(fields[name].removesuffix("kB")) * 1024 for name in names)


def reset_peak() -> int:
    """Let the peak of this process begin anew; return its resident bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return status_bytes("self", "VmRSS")


def peak_bytes() -> int:
    """Return the most resident bytes this process has had since `reset_peak`."""
    return status_bytes("self", "VmHWM")
