"""Wall and CPU of one stretch of work, for the whole tree of processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from process_tree import CpuMeter

if TYPE_CHECKING:
    from types import TracebackType

SETTLE_S = 0.05
"""What the processes do within this time after the result came is still charged to it as CPU."""


class Stopwatch:
    """Measure a `with` block: `wall_s` of the block, `cpu_s` of the tree until shortly after it."""

    wall_s = 0.0
    cpu_s = 0.0

    def __enter__(self) -> Stopwatch:
        self._meter = CpuMeter()
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s = time.perf_counter() - self._began
        time.sleep(SETTLE_S)
        self.cpu_s = self._meter.seconds()

    def values(self) -> dict[str, float]:
        """Return both, under the names that cases report."""
        return {"wall_s": self.wall_s, "cpu_s": self.cpu_s}
