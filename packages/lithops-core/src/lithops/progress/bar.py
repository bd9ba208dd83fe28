"""A bar that is painted by a thread of its own, so that whoever counts calls never waits for a terminal."""

from __future__ import annotations

import time
from collections import deque
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from lithops.progress import Progress
from lithops.progress.eta import Eta
from lithops.progress.painter import Painter, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

_DELAY_S = 0.3  # a job shorter than this shows nothing
_IDLE_PERIOD_S = 0.5  # how often to paint when only time passes
_JOIN_S = 1.0  # a terminal that is stopped (Ctrl-S) must not stop the job
_NOTES = 100

# A process has one terminal: of several waits at once, the first shows its bar, the next one when that is over.
_terminal = Lock()


class Bar(Progress):
    """A live bar; `open_painter` is called on the painting thread, and only if the job lasts long enough."""

    __slots__ = (
        "_closed",
        "_counts",
        "_eta",
        "_label",
        "_notes",
        "_open_painter",
        "_painting",
        "_start",
        "_thread",
        "_total",
    )

    def __init__(self, total: int, label: str, open_painter: Callable[[], Painter]) -> None:
        self._total = total
        self._label = label
        self._open_painter = open_painter
        self._start = time.monotonic()
        self._counts = (self._start, 0, 0, 0)  # one tuple, so that the painting thread never sees half an update
        self._eta = Eta(total, self._start)
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._closed = Event()
        self._painting = False
        self._thread = Thread(target=self._run, name="lithops-progress", daemon=True)
        self._thread.start()

    def update(self, done: int, failed: int = 0, running: int = 0) -> None:
        """Tell the absolute counts; see `Progress.update`."""
        self._counts = (time.monotonic(), done, failed, running)

    def note(self, text: str) -> None:
        """Show a line of text above the bar; dropped if the bar is closed before it was first painted."""
        self._notes.append(text)

    def close(self) -> None:
        """Paint the bar a last time and leave the terminal as it was; idempotent."""
        self._closed.set()
        if (
            self._painting
        ):  # else there is nothing to wait for: the thread is asleep, or importing what it now won't use
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        if self._closed.wait(_DELAY_S):
            return
        while not _terminal.acquire(blocking=False):
            if self._closed.wait(_DELAY_S):
                return
        try:
            painter = self._open_painter()
            self._painting = True
            if not self._closed.is_set():
                self._paint_until_closed(painter)
        except (OSError, ValueError):
            pass  # the terminal is gone, or cannot take our characters: the job is what matters
        finally:
            _terminal.release()

    def _paint_until_closed(self, painter: Painter) -> None:
        shown: Snapshot | None = None
        try:
            while True:
                snapshot = self._snapshot()
                while self._notes:
                    painter.write(self._notes.popleft())
                    shown = None
                if shown is None or self._differs(snapshot, shown):
                    painter.paint(snapshot)
                    shown = snapshot
                if self._closed.wait(painter.period_s):
                    break
        finally:
            painter.close(self._snapshot())

    def _snapshot(self) -> Snapshot:
        at, done, failed, running = self._counts
        self._eta.record(at, done, running)
        now = time.monotonic()
        return Snapshot(
            label=self._label,
            total=self._total,
            done=done,
            failed=failed,
            running=running,
            elapsed_s=now - self._start,
            eta_s=self._eta.seconds(now, running),
        )

    @staticmethod
    def _differs(new: Snapshot, old: Snapshot) -> bool:
        counts_changed = (new.done, new.failed, new.running) != (old.done, old.failed, old.running)
        return counts_changed or new.elapsed_s - old.elapsed_s >= _IDLE_PERIOD_S
