"""The bar in a real Jupyter kernel."""

from __future__ import annotations

import json
from typing import Any

import nbclient
import nbformat

CELL = """
import threading
from lithops.progress import open_progress
{before}
painted = threading.Event()
original = {painter}.paint
def paint(self, snapshot):
    original(self, snapshot)
    painted.set()
{painter}.paint = paint
with open_progress(8, "map square") as bar:
    bar.update(done=2, running=2)
    assert painted.wait(20)
    bar.update(done=8, failed=1)
"""


def outputs_of(code: str) -> Any:
    """Run `code` as the only cell of a notebook; return the notebook."""
    v4: Any = nbformat.v4  # its functions have no types
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", store_widget_state=True).execute()
    return notebook


def test_a_notebook_shows_a_widget() -> None:
    notebook = outputs_of(
        CELL.format(before="from lithops.progress.notebook import WidgetPainter", painter="WidgetPainter")
    )
    (output,) = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in output.data
    state = json.dumps(notebook.metadata.widgets)
    assert "map square: 8/8 done, 1 failed, 0:0" in state


def test_a_notebook_without_widgets_shows_a_line_of_text() -> None:
    before = "import sys; sys.modules['ipywidgets'] = None\nfrom lithops.progress.plain import PlainPainter"
    notebook = outputs_of(CELL.format(before=before, painter="PlainPainter"))
    text = "".join(output.text for output in notebook.cells[0].outputs)
    assert text.startswith("map square: 2/8 done, 2 running, 0:0")
    assert "map square: 8/8 done, 1 failed, 0:0" in text
