"""A bar in the cell of a Jupyter notebook: a widget with ipywidgets, else text."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from lithops.progress.painter import Painter, Snapshot, printable, sentence
from lithops.progress.plain import PlainPainter


def open_notebook_painter() -> Painter:
    """Return a painter for the cell that runs now."""
    try:
        widgets = import_module("ipywidgets")
    except ImportError:  # the extra lithops-core[notebook] is not installed
        return PlainPainter(sys.stdout)
    return WidgetPainter(widgets)


class WidgetPainter:
    """Shows a bar and a line of text as widgets."""

    period_s = 0.25  # each update is a message to the browser

    def __init__(self, widgets: Any) -> None:
        self._bar = widgets.IntProgress(value=0, min=0, max=1, layout=widgets.Layout(width="30%"))
        self._text = widgets.Label()
        self._box = widgets.HBox([self._bar, self._text])
        self._displayed = False

    def paint(self, snapshot: Snapshot) -> None:
        """Update the widgets; show them first if they are not."""
        self._bar.max = snapshot.total
        self._bar.value = snapshot.done
        if snapshot.done >= snapshot.total and not snapshot.failed:
            self._bar.bar_style = "success"
        elif snapshot.failed:
            self._bar.bar_style = "danger"
        self._text.value = sentence(snapshot)
        if not self._displayed:
            import_module("IPython.display").display(self._box)
            self._displayed = True

    def write(self, text: str) -> None:
        """Write a line into the cell's output."""
        sys.stdout.write(printable(text) + "\n")

    def close(self, snapshot: Snapshot) -> None:
        """Leave the last state in the cell."""
        self.paint(snapshot)
