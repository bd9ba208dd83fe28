"""The program in docs/http_engine.md prints what the page says, and its figures are those of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from lithops.serverless.http import connection, deadlines, origin, pool
from lithops.serverless.http.engine import Engine, Exchange

from .conftest import LIMIT_S

PAGE = next(
    page for folder in Path(__file__).resolve().parents if (page := folder / "docs" / "http_engine.md").exists()
).read_text(encoding="utf-8")


def test_program_prints_what_the_page_says() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    (output,) = re.findall(r"^```text\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert (done.stdout, done.stderr) == (output, "")


def test_every_method_is_told_of() -> None:
    named = set(re.findall(r"`(\w+)\(", PAGE))
    assert {name for kind in (Engine, Exchange) for name in vars(kind) if not name.startswith("_")} <= named


def test_figures_are_those_of_the_code() -> None:
    for told in (
        f"After {pool.IDLE_S:g} s without use",
        f"From {pool.FEWEST_OPENING} to {pool.MOST_OPENING} connections",
        f"and after {origin.ADDRESS_S:g} s. Its",
        f"connection within {pool.OPEN_S:g} s |",
        f"ends within {connection.STALE_S:g} s and",
        f"up to {pool.REPETITIONS} times",
        f"up to {deadlines.STEP_S:g} s late",
    ):
        assert told in PAGE
