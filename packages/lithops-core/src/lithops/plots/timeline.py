"""When each call waited, ran and was answered, and how many ran side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lithops.plots.legend import draw_legend
from lithops.plots.units import duration, unit_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray

    from lithops.plots.columns import Columns

_WAITING, _FETCHING, _RUNNING, _FAILED, _WORKERS = "#dcdcdc", "#9fd19a", "#2f6db5", "#d62728", "#e08214"
_MOST_LINES = 300  # beyond, a row comes near the size of a pixel and calls are counted per pixel instead
_RASTER = (600, 1400)  # rows, columns; about the pixels of the default size
_MOST_CROSSES = 200
_THICKEST_PT = 12.0
_INSTANTS = 1400


def draw_timeline(figure: Figure, columns: Columns) -> None:
    """Draw calls above, one row each, and below how many of them and how many workers there were at any time."""
    last = max(columns.last, 1e-6)
    unit, size = unit_of(last)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    phases = [
        ("waiting for a worker", _WAITING, columns.submitted, columns.started, None),
        ("result on its way", _FETCHING, columns.ended, columns.fetched, None),
        ("running", _RUNNING, columns.started, columns.ended, ~columns.failed),
        ("failed", _FAILED, columns.started, columns.ended, columns.failed),
    ]
    legend: list[Artist] = []
    for label, colour, since, until, where in phases:
        rows = np.flatnonzero(np.isfinite(since) & np.isfinite(until) & (True if where is None else where))
        if not len(rows):
            continue
        legend.append(Patch(color=colour, label=label))
        shortest = last / 1000 if where is not None else 0.0  # a call is seen, however short
        start, end = since[rows] / size, np.maximum(until[rows], since[rows] + shortest) / size
        if len(columns) > _MOST_LINES:
            _draw_raster(above, colour, rows, start, end, len(columns), last / size)
        else:
            _draw_lines(above, colour, rows, start, end, _row_points(figure, len(columns)))
    crosses = np.flatnonzero(columns.failed)
    if len(crosses) <= _MOST_CROSSES:
        above.scatter(
            columns.ended[crosses] / size, crosses + 1, marker="x", color=_FAILED, s=16, linewidth=1, zorder=5
        )
    legend += _draw_activity(below, columns, last, size)

    few = max(0, 10 - len(columns)) / 2  # a few calls must not become beams
    above.set_ylim(len(columns) + 0.5 + few, 0.5 - few)
    above.set_xlim(-0.01 * last / size, 1.01 * last / size)
    if len(columns) <= 10:
        above.set_yticks(range(1, len(columns) + 1))
    else:
        above.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    above.yaxis.set_major_formatter(FuncFormatter(lambda row, _: f"{row:,.0f}"))
    above.set_ylabel("calls, by start")
    above.set_title(f"{columns.summary()}, in {duration(last)}", loc="left", fontsize="medium")
    below.set_xlabel(f"time since the job was made ({unit})")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    draw_legend(figure, legend)


def _row_points(figure: Figure, rows: int) -> float:
    """Return how thick a row may be, in points: the upper axes take about three fifths of the figure's height."""
    return float(min(max(0.6 * 72 * figure.get_figheight() / max(rows, 10) * 0.75, 0.3), _THICKEST_PT))


def _draw_lines(
    axes: Axes, colour: str, rows: NDArray[np.intp], start: NDArray[np.float64], end: NDArray[np.float64], width: float
) -> None:
    lines = np.stack([np.column_stack([start, rows + 1]), np.column_stack([end, rows + 1])], axis=1)
    axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=width, capstyle="butt"))


def _draw_raster(
    axes: Axes,
    colour: str,
    rows: NDArray[np.intp],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    calls: int,
    last: float,
) -> None:
    """Colour each pixel by the share of its calls that were in this phase at its time."""
    from matplotlib.colors import to_rgb

    height, width = min(_RASTER[0], calls), _RASTER[1]
    line = rows * height // calls
    first = np.clip((start / last * width).astype(np.intp), 0, width - 1)
    after = np.clip(np.ceil(end / last * width).astype(np.intp), first + 1, width)
    steps = np.bincount(line * (width + 1) + first, minlength=height * (width + 1))
    steps = steps - np.bincount(line * (width + 1) + after, minlength=height * (width + 1))
    here = np.cumsum(steps.reshape(height, width + 1), axis=1)[:, :width]
    share = here / np.bincount(np.arange(calls) * height // calls)[:, np.newaxis]
    image = np.empty((height, width, 4))
    image[..., :3] = to_rgb(colour)
    image[..., 3] = np.where(here > 0, np.clip(0.5 + 0.5 * share, 0, 1), 0)
    axes.imshow(image, extent=(0, last, calls + 0.5, 0.5), aspect="auto", interpolation="antialiased")


def _draw_activity(axes: Axes, columns: Columns, last: float, size: float) -> list[Line2D]:
    """Draw how many calls ran (on average within each of many short intervals) and how many workers had shown up."""
    edges = np.linspace(0, last, _INSTANTS + 1)
    running = np.diff(_busy_seconds(columns, edges)) / np.diff(edges)
    axes.fill_between(edges / size, np.append(running, 0), step="post", color=_RUNNING, linewidth=0)
    lines: list[Line2D] = []
    named = np.flatnonzero(columns.worker >= 0)
    if len(named):
        _, firsts = np.unique(columns.worker[named], return_index=True)
        seen = np.sort(columns.started[named][firsts])
        x, y = np.append(seen, last) / size, np.append(np.arange(1, len(seen) + 1), len(seen))
        lines = axes.step(x, y, where="post", color=_WORKERS, linewidth=1.2, label="workers so far")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("running")
    return lines


def _busy_seconds(columns: Columns, until: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many seconds all calls together had run by each time of `until`, which is exact at any density."""
    at = np.concatenate([columns.started, columns.ended])
    change = np.repeat(np.array([1.0, -1.0]), len(columns))
    order = np.argsort(at, kind="stable")
    at, running = at[order], np.cumsum(change[order])
    seconds = np.concatenate([[0.0], np.cumsum(np.diff(at) * running[:-1])])
    return np.asarray(np.interp(until, at, seconds), dtype=np.float64)
