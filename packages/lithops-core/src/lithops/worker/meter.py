"""What a call cost: CPU time and memory of this process, for this very call."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

UNMETERED_S = 50e-6
"""Asking the kernel takes as long as a small call, and its clocks are no finer: below, wall time counts as CPU time."""
_RSS_UNIT = 1024 if sys.platform == "darwin" else 1  # ru_maxrss: bytes on macOS, KiB elsewhere


class Usage(NamedTuple):
    """CPU in seconds; memory in KiB: the process's high-water mark, and by how much the call raised it."""

    cpu_user: float
    cpu_system: float
    peak_kb: int
    grown_kb: int


class Meter:
    """Measures calls that follow one another."""

    __slots__ = ("_floor", "_last", "_unmetered")

    def __init__(self, *, always: bool) -> None:
        """`always` asks the kernel even for the shortest call."""
        self._floor = 0.0 if always else UNMETERED_S
        self._last = _now()
        self._unmetered = 0.0  # seconds of calls since the kernel was asked

    def restart(self) -> None:
        """Leave out what was used since the last call: it was no call's."""
        self._last = _now()
        self._unmetered = 0.0

    def measure(self, seconds: float) -> Usage:
        """Return what the call that has just ended cost; it took `seconds`."""
        last = self._last
        if seconds < self._floor:
            self._unmetered += seconds
            return Usage(seconds, 0.0, last[2], 0)
        user, system, peak = self._last = _now()
        usage = Usage(max(0.0, user - last[0] - self._unmetered), system - last[1], peak, peak - last[2])
        self._unmetered = 0.0
        return usage


def _now() -> tuple[float, float, int]:
    if resource is None:
        return time.process_time(), 0.0, 0  # type: ignore[unreachable]  # reached on Windows
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage[0], usage[1], usage[2] // _RSS_UNIT
