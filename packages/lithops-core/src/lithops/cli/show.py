"""Print data: as JSON for programs, as a table for people, as plain aligned columns where neither looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click


def show_json(data: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(data, indent=2, default=str))


def show_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headers; in a terminal they are folded to its width, elsewhere each is one line."""
    if sys.stdout.isatty():
        _show_in_terminal(headers, rows)
        return
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _show_in_terminal(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))  # as Text, because a plain string could hold what rich takes for markup
    Console().print(table)


def size(size_bytes: int) -> str:
    """Put a number of bytes into words: `512 B`, `1.5 kB`, `20.0 MB`."""
    value, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{size_bytes} B" if unit == "B" else f"{value:.1f} {unit}"
