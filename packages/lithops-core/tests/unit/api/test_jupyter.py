"""Executors in a real Jupyter kernel."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import nbclient
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from .conftest import DEADLINE_S

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "docs" / "jupyter.md").exists())


@dataclass
class Output:
    """What a cell has shown."""

    stream: str = ""
    shown: dict[str, str] = field(default_factory=dict)
    error: str = ""


class Kernel:
    """A kernel, as a notebook's cells use it."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager, self._client = manager, client

    def run(self, code: str, on_stream: Callable[[], object] | None = None) -> Output:
        """Run a cell; `on_stream` is called when it first prints something."""
        output = Output()
        sent = self._client.execute(code)
        deadline = time.monotonic() + 2 * DEADLINE_S
        while time.monotonic() < deadline:
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != sent:
                continue
            if kind == "stream":
                output.stream += content["text"]
                if on_stream is not None:
                    on_stream()
                    on_stream = None
            elif kind == "execute_result":
                output.shown = content["data"]
            elif kind == "error":
                output.error = f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return output
        raise AssertionError(f"the cell has not ended: {code}")

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self._manager.interrupt_kernel()


@pytest.fixture(scope="module")
def kernel(own_state: None) -> Iterator[Kernel]:
    manager, client = start_new_kernel(startup_timeout=2 * DEADLINE_S)
    kernel = Kernel(manager, client)
    setup = kernel.run("import lithops\nfexec = lithops.FunctionExecutor(worker_processes=2)")
    assert setup.error == ""
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel()


def test_a_list_is_shown_in_sum(kernel: Kernel) -> None:
    shown = kernel.run("futures = fexec.map(abs, range(5000))\nfexec.wait(futures)\nfutures").shown
    assert "5,000 calls, 5,000 done" in shown["text/html"]
    assert shown["text/plain"].startswith("<FuturesList of abs: 5,000 calls")
    assert kernel.run("futures.job is not None").shown["text/plain"] == "True"


def test_an_executor_and_a_future_are_shown(kernel: Kernel) -> None:
    assert " on localhost" in kernel.run("fexec").shown["text/html"]
    assert "call 00000 of abs" in kernel.run("future = fexec.call_async(abs, -1)\nfuture").shown["text/html"]


def test_a_changed_cell_is_what_workers_see(kernel: Kernel) -> None:
    for factor in (2, 3):
        kernel.run(f"FACTOR = {factor}\ndef scale(x):\n    return FACTOR * x")
        assert kernel.run("fexec.call_async(scale, 5).result()").shown["text/plain"] == str(5 * factor)


WAITING = """
import sys, threading, time

def say_when_it_waits(main=threading.main_thread().ident):
    names = ()
    while "get_result" not in names:
        time.sleep(0.1)
        names, frame = [], sys._current_frames()[main]
        while frame is not None:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
    time.sleep(0.2)  # it is past its first lines then
    print("waits", flush=True)

def stall(x):
    time.sleep(1000)
"""


def test_an_interrupt_cancels_what_is_waited_for_and_nothing_else(kernel: Kernel) -> None:
    kernel.run(WAITING)
    cell = (
        "futures = fexec.map(stall, range(2))\n"
        "threading.Thread(target=say_when_it_waits).start()\n"
        "fexec.get_result(futures)"
    )
    for _ in range(2):
        assert kernel.run(cell, on_stream=kernel.interrupt).error.startswith("KeyboardInterrupt")
        assert kernel.run("[future.cancelled() for future in futures]").shown["text/plain"] == "[True, True]"
    assert kernel.run("fexec.map(abs, [-1, -2, -3]).get_result()").shown["text/plain"] == "[1, 2, 3]"


def test_the_cells_of_the_page_show_what_it_says(kernel: Kernel) -> None:
    page = (ROOT / "docs" / "jupyter.md").read_text(encoding="utf-8")
    cells = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", page, flags=re.MULTILINE | re.DOTALL)
    assert len(cells) == 5
    for code, expected in cells:
        output = kernel.run(code)
        assert output.error == ""
        shown = output.stream + output.shown.get("text/plain", "") + ("\n" if output.shown else "")
        pattern = re.escape(expected).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, shown), (code, shown)
    kernel.run("fexec = lithops.FunctionExecutor(worker_processes=2)")  # the page has closed its own


def test_the_example_runs_and_finds_what_there_is() -> None:
    v4: Any = nbformat
    notebook = v4.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    nbclient.NotebookClient(notebook, timeout=8 * DEADLINE_S, kernel_name="python3").execute()
    shown = [o.data["text/plain"] for cell in notebook.cells for o in cell.get("outputs", ()) if "data" in o]
    assert "Sequence(steps=382, start=156159)" in shown
