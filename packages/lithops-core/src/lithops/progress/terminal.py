"""A bar on one line of a terminal, drawn with rich."""

from __future__ import annotations

import sys
from threading import RLock
from typing import TYPE_CHECKING, Any, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.control import Control
from rich.progress_bar import ProgressBar
from rich.segment import ControlType
from rich.text import Text

from lithops.progress.painter import Painter, Snapshot, clock, counts, eta, printable
from lithops.progress.plain import PlainPainter

if TYPE_CHECKING:
    from collections.abc import Callable

_GAP = "  "
_BAR_WIDTH = 40
_NARROW_BAR_WIDTH = 10
_LABEL_WIDTH = 30
_ERASE_LINE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))


def open_terminal_painter(stream: TextIO) -> Painter:
    """Return a painter for the terminal behind `stream`: plain lines now and then where it cannot move its cursor."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if console.is_dumb_terminal or not console.is_terminal:
        return PlainPainter(stream)
    return TerminalPainter(console)


class TerminalPainter:
    """Paints over one line of a terminal and keeps it below whatever else the program prints there."""

    period_s = 0.1

    def __init__(self, console: Console) -> None:
        self._console = console
        # Re-entrant, since a signal handler may print while this thread's own print holds it.
        self._lock = RLock()
        self._shown = False
        self._line_open = False
        self._detours: list[tuple[str, TextIO, _Detour]] = []

    def paint(self, snapshot: Snapshot) -> None:
        """Replace the line, unless the program itself is in the middle of one."""
        with self._lock:
            if not self._detours:
                self._place_detours()
            if self._line_open:
                return
            with self._console:  # one write for both, so that the line does not flicker
                self._erase()
                self._draw(snapshot)

    def write(self, text: str) -> None:
        """Show a line that stays, above the bar."""
        with self._lock, self._console:
            self._erase()
            self._console.print(Text(_speakable(printable(text), self._console)), soft_wrap=True)

    def close(self, snapshot: Snapshot) -> None:
        """Paint the last state and go to the next line."""
        with self._lock:
            self._remove_detours()
            with self._console:
                if not self._line_open:
                    self._erase()
                    self._draw(snapshot)
                self._console.print()
            self._shown = False

    def _draw(self, snapshot: Snapshot) -> None:
        # One column stays free: some terminals wrap as soon as the last one is written.
        self._console.print(_line(snapshot, self._console, max(self._console.width - 1, 1)), end="", soft_wrap=True)
        self._shown = True

    def _erase(self) -> None:
        if self._shown:
            self._console.control(_ERASE_LINE)
            self._shown = False

    def _place_detours(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            try:
                seen = stream is not None and stream.isatty()
            except (AttributeError, ValueError, OSError):
                seen = False
            if seen:
                detour = _Detour(stream, self._make_way)
                self._detours.append((name, stream, detour))
                setattr(sys, name, detour)

    def _remove_detours(self) -> None:
        for name, stream, detour in self._detours:
            if getattr(sys, name) is detour:  # else somebody put another one on top, and will take that off again
                setattr(sys, name, stream)
            detour.make_way = None
        self._detours.clear()

    def _make_way(self, write: Callable[[str], int], text: str) -> int:
        with self._lock:
            self._erase()
            if text:
                self._line_open = not text.endswith("\n")
            return write(text)


class _Detour:
    """Stands in for `sys.stdout` or `sys.stderr` on a terminal and takes the bar away before the program prints."""

    def __init__(self, stream: TextIO, make_way: Callable[[Callable[[str], int], str], int]) -> None:
        self._stream = stream
        self.make_way: Callable[[Callable[[str], int], str], int] | None = make_way

    def write(self, text: str) -> int:
        """Write `text` where it was going."""
        make_way = self.make_way
        return self._stream.write(text) if make_way is None else make_way(self._stream.write, text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of `lines` where it was going."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _line(snapshot: Snapshot, console: Console, width: int) -> Text:
    """Return what fits into `width` cells: the counts first, then what a person misses most."""
    label = _speakable(printable(snapshot.label), console)
    if cell_len(label) > _LABEL_WIDTH:
        label = set_cell_size(label, _LABEL_WIDTH - 3) + "..."
    parts = {  # by place in the line
        "label": Text(label, style="bold"),
        "bar": Text(),
        "counts": Text(counts(snapshot)),
        "failed": Text(f"{snapshot.failed:,} failed" if snapshot.failed else "", style="bold red"),
        "running": Text(f"{snapshot.running:,} running" if snapshot.running else "", style="cyan"),
        "elapsed": Text(clock(snapshot.elapsed_s), style="dim"),
        "eta": Text(eta(snapshot)),
    }
    left = width
    chosen = {"counts", "failed", "eta", "elapsed", "label", "running"}
    for name in ("counts", "failed", "eta", "elapsed", "label", "running"):  # by worth
        size = parts[name].cell_len
        cost = size + (len(_GAP) if left < width else 0)
        if size and cost <= left:
            left -= cost
        else:
            chosen.discard(name)
    if left >= _NARROW_BAR_WIDTH + len(_GAP):
        parts["bar"] = _bar(snapshot, console, min(left - len(_GAP), _BAR_WIDTH))
        chosen.add("bar")
    line = Text(_GAP).join(part for name, part in parts.items() if name in chosen)
    line.truncate(width)
    return line


def _bar(snapshot: Snapshot, console: Console, width: int) -> Text:
    bar = ProgressBar(total=snapshot.total, completed=snapshot.done, width=width)
    text = Text()
    for segment in console.render(bar, console.options.update(width=width, height=1)):
        text.append(segment.text, segment.style)
    text.truncate(width, pad=True)  # without colours rich leaves out what is not done yet
    return text


def _speakable(text: str, console: Console) -> str:
    """Return `text` with what the terminal's encoding cannot say replaced."""
    return text.encode(console.encoding, "replace").decode(console.encoding)
