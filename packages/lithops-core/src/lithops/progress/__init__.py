"""The progress bar of a wait: shown to a person, never to a file.

    with open_progress(len(futures), "map square") as bar:
        bar.update(done=3, running=4)

This module is on the path of every wait, so it imports nothing; what draws is loaded when something is really drawn.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self, TextIO

    from lithops.progress.painter import Painter

__all__ = ["Progress", "open_progress"]

_NO = frozenset({"0", "false", "no", "off"})


class Progress:
    """Take counts and show nothing; what `open_progress` returns when nobody would see a bar."""

    __slots__ = ()

    def update(self, done: int, failed: int = 0, running: int = 0) -> None:
        """Tell how many calls ended (`done`, failed ones included), how many of these failed, and how many run now.

        The counts are absolute. The call never blocks, never raises and costs less than a microsecond.
        """

    def note(self, text: str) -> None:
        """Show a line of text above the bar; dropped where no bar is shown."""

    def close(self) -> None:
        """Draw the bar a last time and leave the terminal as it was; idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_progress(total: int, label: str, enabled: bool = True, stream: TextIO | None = None) -> Progress:
    """Return a bar for `total` calls on `stream` (default: standard error, or the notebook's cell).

    It shows nothing unless `stream` is a terminal or the code runs in a notebook, nor when `enabled` is false or the
    environment says `LITHOPS_PROGRESS=0`. Where it shows something, it begins 0.3 s after this call, so that short
    jobs print nothing.
    """
    if not enabled or total < 1 or os.environ.get("LITHOPS_PROGRESS", "").strip().lower() in _NO:
        return Progress()
    if stream is None and _in_notebook():
        from lithops.progress.notebook import open_notebook_painter

        return _start(total, label, open_notebook_painter)
    target = sys.stderr if stream is None else stream
    if not _is_terminal(target):
        return Progress()

    def open_painter() -> Painter:
        from lithops.progress.terminal import open_terminal_painter

        return open_terminal_painter(target)

    return _start(total, label, open_painter)


def _start(total: int, label: str, open_painter: Callable[[], Painter]) -> Progress:
    from lithops.progress.bar import Bar

    try:
        return Bar(total, label, open_painter)
    except RuntimeError:  # no thread can be started: a job goes on without a bar
        return Progress()


def _is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person looks at `stream`; without a console, standard error is None, and it may be closed."""
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError, OSError):
        return False


def _in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this code, without importing IPython where nobody else has."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None
