"""The bar on real pseudo-terminals and on consoles that write to a string: what a person would see on the screen."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from lithops.progress import Progress, open_progress
from lithops.progress.painter import Snapshot, clock, eta
from lithops.progress.plain import PlainPainter
from lithops.progress.terminal import TerminalPainter


def run_on_terminal(code: str, *, width: int = 100, stdout: int | None = None, **environ: str) -> tuple[int, str]:
    """Run Python `code` with its streams on a terminal; return its exit code and all that it wrote, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "LITHOPS_PROGRESS"}}
    env |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environ}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=stdout or theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    os.close(ours)
    return process.wait(timeout=20), re.sub(r"\x1b\[[0-9;]*m", "", written.decode())


def screen(written: str) -> list[str]:
    """Return the lines that remain to be seen, with what was erased or painted over gone."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in re.split(r"(\r|\x1b\[2K)", line):
            if part == "\x1b[2K":
                shown = ""
            elif part != "\r":
                shown = part + shown[len(part) :] if part else shown
        lines.append(shown)
    return lines


def snapshot(done: int = 3, **changes: object) -> Snapshot:
    state: dict[str, object] = {
        "label": "map square",
        "total": 10,
        "failed": 1,
        "running": 4,
        "elapsed_s": 75.0,
        "eta_s": 9.2,
    }
    return Snapshot(done=done, **(state | changes))  # type: ignore[arg-type]


def painted(width: int, *snapshots: Snapshot, **console: object) -> str:
    file = io.StringIO()
    painter = TerminalPainter(Console(file=file, force_terminal=True, width=width, color_system=None, **console))  # type: ignore[arg-type]
    for state in snapshots:
        painter.paint(state)
    return file.getvalue()


# A program that shows a bar and goes on when the screen shows what it waits for, never after a mere pause: it reads
# back what was painted through the painter's own doings.
PROGRAM = """
import sys, threading
from lithops.progress import open_progress
from lithops.progress.terminal import TerminalPainter

painted = threading.Condition()
last = None
original = TerminalPainter.paint
def paint(self, snapshot):
    global last
    original(self, snapshot)
    with painted:
        last = snapshot
        painted.notify_all()
TerminalPainter.paint = paint

def show(bar, done, **counts):
    bar.update(done=done, **counts)
    with painted:
        assert painted.wait_for(lambda: last is not None and last.done == done, 10)
"""


def test_a_line_says_all_there_is_to_say() -> None:
    line = screen(painted(100, snapshot()))[-1]
    assert line.startswith("map square  ")
    assert line.endswith("   3/10  1 failed  4 running  1:15  ETA 0:10")
    assert "\u2501" in line


@pytest.mark.parametrize("width", range(1, 121))
def test_a_line_never_reaches_the_last_column_and_always_keeps_the_counts(width: int) -> None:
    (line,) = screen(painted(width, snapshot(label="map \u6f22\u5b57")))
    assert cell_len(line) <= max(width - 1, 1)
    if width > 8:
        assert "3/10" in line


def test_a_finished_job_has_no_time_left() -> None:
    assert "ETA" not in painted(100, snapshot(10, failed=0, running=0, eta_s=None))


def test_what_is_unknown_is_a_question_mark() -> None:
    assert screen(painted(100, snapshot(eta_s=None)))[-1].endswith("ETA ?")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "ETA 0:01"), (0.4, "ETA 0:01"), (59.5, "ETA 1:00"), (4000, "ETA 1:06:40")]
)
def test_the_time_left_is_rounded_up_and_never_zero(seconds: float, text: str) -> None:
    assert eta(snapshot(eta_s=seconds)) == text


def test_days_are_counted() -> None:
    assert clock(180_000) == "2d 02:00:00"


def test_a_long_label_is_cut() -> None:
    assert screen(painted(120, snapshot(label="x" * 500)))[-1].startswith("x" * 27 + "...  ")


def test_a_label_cannot_move_the_cursor() -> None:
    assert "\x1b[5A" not in painted(120, snapshot(label="evil\x1b[5A\n\r"))


def test_a_terminal_without_unicode_gets_what_it_can_show() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    TerminalPainter(Console(file=file, force_terminal=True, width=100)).paint(snapshot(label="gr\u00f6\u00dfe"))
    assert b"gr??e" in raw.getvalue()


def test_plain_text_is_written_rarely() -> None:
    file = io.StringIO()
    painter = PlainPainter(file)
    for second in range(1_000):
        painter.paint(snapshot(elapsed_s=float(second)))
    painter.close(snapshot(10, elapsed_s=1_000.0, running=0))
    lines = file.getvalue().splitlines()
    assert lines[0] == "map square: 3/10 done, 1 failed, 4 running, 0:00, ETA 0:10"
    assert lines[-1] == "map square: 10/10 done, 1 failed, 16:40"
    assert len(lines) < 50


def test_a_bar_on_a_terminal_ends_as_one_line() -> None:
    code, written = run_on_terminal(
        PROGRAM
        + """
with open_progress(30, "map square") as bar:
    show(bar, 10, running=2)
    show(bar, 20, failed=1, running=2)
    bar.update(done=30, failed=1)
bar.close()
bar.update(done=1)
bar.note("too late")
"""
    )
    assert code == 0
    assert "10/30  2 running" in written
    line, rest = screen(written)
    assert line.startswith("map square  ")
    assert "30/30  1 failed  0:0" in line
    assert rest == ""
    assert "\x1b[?25l" not in written, "a driver that is killed would leave the cursor hidden"


def test_what_the_program_prints_stays_above_the_bar() -> None:
    code, written = run_on_terminal(
        PROGRAM
        + """
streams = sys.stdout, sys.stderr
with open_progress(3, "map") as bar:
    show(bar, 1)
    print("one line")
    bar.note("a note")
    print("two", "lines", sep="\\n", file=sys.stderr)
    show(bar, 2)
    sys.stdout.write("half")
    sys.stdout.flush()
    sys.stdout.write(" a line\\n")
    show(bar, 3)
assert (sys.stdout, sys.stderr) == streams
print("after")
"""
    )
    assert code == 0
    *above, bar, after, rest = screen(written)
    assert sorted(above) == sorted(["one line", "two", "lines", "a note", "half a line"])
    assert bar.startswith("map  ")
    assert "3/3" in bar
    assert (after, rest) == ("after", "")


def test_standard_output_in_a_file_gets_nothing_of_the_bar(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        code, written = run_on_terminal(
            PROGRAM + "with open_progress(2, 'map') as bar:\n show(bar, 1)\n print('data')\n show(bar, 2)",
            stdout=file.fileno(),
        )
    assert code == 0
    assert (tmp_path / "out").read_text() == "data\n"
    assert "data" not in written


def test_a_short_job_prints_nothing_and_imports_nothing() -> None:
    code, written = run_on_terminal("""
import sys
from lithops.progress import open_progress
with open_progress(3, "map") as bar:
    bar.update(done=3)
assert "rich" not in sys.modules
""")
    assert (code, written) == (0, "")


@pytest.mark.parametrize("value", ["0", "false", "OFF", "no"])
def test_the_environment_can_switch_the_bar_off(value: str) -> None:
    code, written = run_on_terminal(
        "from lithops.progress import Progress, open_progress\nassert type(open_progress(3, 'map')) is Progress",
        LITHOPS_PROGRESS=value,
    )
    assert (code, written) == (0, "")


def test_a_dumb_terminal_gets_plain_lines() -> None:
    code, written = run_on_terminal(
        """
import threading
from lithops.progress import open_progress
from lithops.progress.plain import PlainPainter
painted = threading.Event()
original = PlainPainter.paint
def paint(self, snapshot):
    original(self, snapshot)
    painted.set()
PlainPainter.paint = paint
with open_progress(3, "map") as bar:
    assert painted.wait(10)
    bar.update(done=3)
""",
        TERM="dumb",
    )
    assert code == 0
    assert "\x1b" not in written
    assert screen(written)[0].startswith("map: 0/3 done, 0:0")
    assert screen(written)[-2].startswith("map: 3/3 done, 0:0")


def test_a_terminal_that_closes_does_not_stop_the_job() -> None:
    code, _ = run_on_terminal(
        PROGRAM
        + """
import os
with open_progress(3, "map") as bar:
    show(bar, 1)
    sys.stderr.close()
    bar.update(done=2)
    bar._thread.join(10)
    assert not bar._thread.is_alive()
    bar.update(done=3)
    bar.note("nobody reads this")
"""
    )
    assert code == 0


def test_of_two_waits_at_once_one_shows_its_bar() -> None:
    code, written = run_on_terminal(
        PROGRAM
        + """
with open_progress(3, "first") as first:
    show(first, 1)
    with open_progress(5, "second") as second:
        second.update(done=5)
        show(first, 2)
    show(first, 3)
with open_progress(7, "third") as third:
    show(third, 7)
"""
    )
    assert code == 0
    assert "second" not in written
    assert [line.split()[0] for line in screen(written) if line] == ["first", "third"]


def test_an_interrupt_leaves_the_terminal_on_a_new_line() -> None:
    code, written = run_on_terminal(
        PROGRAM
        + """
try:
    with open_progress(3, "map") as bar:
        show(bar, 1)
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert code == 0
    assert screen(written)[-2:] == ["interrupted", ""]
    assert "1/3" in screen(written)[-3]


@pytest.mark.parametrize("total", [0, -1])
def test_no_calls_no_bar(total: int) -> None:
    assert type(open_progress(total, "map")) is Progress


def test_what_is_not_a_terminal_gets_nothing() -> None:
    file = io.StringIO()
    bar = open_progress(3, "map", stream=file)
    assert type(bar) is Progress
    with bar:
        bar.update(done=3, failed=1, running=0)
        bar.note("nobody sees this")
    assert file.getvalue() == ""


def test_no_standard_error_and_a_closed_one_give_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert type(open_progress(3, "map")) is Progress
    closed = io.StringIO()
    closed.close()
    assert type(open_progress(3, "map", stream=closed)) is Progress


def test_a_wait_without_a_bar_imports_nothing() -> None:
    code = """
import sys
before = set(sys.modules)
from lithops.progress import open_progress
open_progress(3, "map").close()
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['__future__', 'lithops', 'lithops._version', 'lithops.progress']\n"


def test_an_update_costs_next_to_nothing() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with open_progress(10**6, "map", stream=Terminal()) as bar:
        begun = time.perf_counter()
        for done in range(10_000):
            bar.update(done, 0, 4)
        assert time.perf_counter() - begun < 0.1


def test_the_example_of_the_documentation_runs_and_shows_nothing_in_a_pipe() -> None:
    page = (Path(__file__).parents[5] / "docs" / "progress.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
