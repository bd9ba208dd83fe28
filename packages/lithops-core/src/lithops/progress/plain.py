"""A bar as plain text, for places that can only append to what they show."""

from __future__ import annotations

from typing import TextIO

from lithops.progress.painter import Snapshot, printable, sentence

_PERIOD_S = 10.0


class PlainPainter:
    """Writes a line of text now and then."""

    period_s = 0.5

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._written_at = float("-inf")

    def paint(self, snapshot: Snapshot) -> None:
        """Write a line if the last one is old: old means ten seconds, later a tenth of the time that has passed."""
        if snapshot.elapsed_s - self._written_at >= max(_PERIOD_S, snapshot.elapsed_s / 10):
            self._written_at = snapshot.elapsed_s
            self.write(sentence(snapshot))

    def write(self, text: str) -> None:
        """Write a line."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(printable(text).encode(encoding, "replace").decode(encoding) + "\n")
        self._stream.flush()

    def close(self, snapshot: Snapshot) -> None:
        """Write the last state."""
        self.write(sentence(snapshot))
