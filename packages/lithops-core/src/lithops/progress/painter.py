"""What a bar shows at one moment, in words, and what can paint it."""

from __future__ import annotations

import math
from typing import Protocol

from lithops.records import record


@record
class Snapshot:
    """The state of a bar at one moment; `eta_s` is None when nothing can be said."""

    label: str
    total: int
    done: int
    failed: int
    running: int
    elapsed_s: float
    eta_s: float | None


class Painter(Protocol):
    """A place where a bar can be seen. Any method may raise OSError or ValueError once the place is gone."""

    period_s: float
    """How often it makes sense to paint."""

    def paint(self, snapshot: Snapshot) -> None:
        """Replace what was painted before."""

    def write(self, text: str) -> None:
        """Show a line that stays, above the bar."""

    def close(self, snapshot: Snapshot) -> None:
        """Paint the last state, which stays; called once."""


def clock(seconds: float) -> str:
    """Return a duration as `m:ss`, `h:mm:ss` or `Nd hh:mm:ss`.

    >>> clock(75.9), clock(3600), clock(180_000)
    ('1:15', '1:00:00', '2d 02:00:00')
    """
    whole = int(max(seconds, 0))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour:02}:{minute:02}:{second:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def counts(snapshot: Snapshot) -> str:
    """Return done and total, the former as wide as the latter so that the line does not jump."""
    total = f"{snapshot.total:,}"
    return f"{snapshot.done:,}".rjust(len(total)) + "/" + total


def eta(snapshot: Snapshot) -> str:
    """Return the time left; empty when nothing is left, never zero while something is."""
    if snapshot.done >= snapshot.total:
        return ""
    if snapshot.eta_s is None:
        return "ETA ?"
    return f"ETA {clock(max(1, math.ceil(snapshot.eta_s)))}"


def sentence(snapshot: Snapshot) -> str:
    """Return the whole state as one line of plain text."""
    parts = [
        f"{snapshot.label}: {counts(snapshot).strip()} done",
        f"{snapshot.failed:,} failed" if snapshot.failed else "",
        f"{snapshot.running:,} running" if snapshot.running else "",
        clock(snapshot.elapsed_s),
        eta(snapshot),
    ]
    return ", ".join(part for part in parts if part)


def printable(text: str) -> str:
    """Return `text` on one line and without characters that would move a terminal's cursor."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
