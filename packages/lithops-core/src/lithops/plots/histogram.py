"""How long the calls ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lithops.plots.legend import draw_legend
from lithops.plots.units import duration, unit_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lithops.plots.columns import Columns

_ALL, _FAILED = "#2f6db5", "#d62728"
_MARKS = (("mean", "#e08214", "-"), ("median", "#1a1a1a", "--"), ("p99", "#762a83", ":"))
_WIDE = 50.0  # a ratio of longest to shortest, beyond which the scale is logarithmic
_UNEVEN = 500.0  # a ratio of the highest bar to the lowest, likewise
_SHORTEST_S = 1e-7


def draw_histogram(figure: Figure, columns: Columns) -> None:
    """Draw the distribution of execution times, failed calls in front, and where mean, median and p99 are."""
    took = columns.took
    edges, logarithmic = _edges(took)
    unit, size = ("", 1.0) if logarithmic else unit_of(float(np.percentile(took, 99)))
    axes = figure.subplots()
    counts, _ = np.histogram(np.clip(took, edges[0], edges[-1]), edges)
    failed, _ = np.histogram(np.clip(took[columns.failed], edges[0], edges[-1]), edges)
    left, width = edges[:-1] / size, np.diff(edges) / size
    axes.bar(left, counts, width, align="edge", color=_ALL)
    legend: list[Artist] = [Patch(color=_ALL, label="calls")]
    if failed.any():
        axes.bar(left, failed, width, align="edge", color=_FAILED)
        legend.append(Patch(color=_FAILED, label="failed ones of these"))
    values = (float(took.mean()), float(np.median(took)), float(np.percentile(took, 99)))
    for (name, colour, style), value in zip(_MARKS, values, strict=True):
        label = f"{name} {duration(value)}"
        at = max(value, float(edges[0])) / size
        legend.append(axes.axvline(at, color=colour, linestyle=style, linewidth=1.5, label=label))
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    if counts.max() > _UNEVEN * counts[counts > 0].min():
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_title(columns.summary(), loc="left", fontsize="medium")
    axes.set_xlabel(f"execution time ({'logarithmic' if logarithmic else unit})")
    axes.set_ylabel("calls" + (" (logarithmic)" if axes.get_yscale() == "log" else ""))
    axes.spines[["top", "right"]].set_visible(False)
    draw_legend(figure, legend)


def _edges(took: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return the borders of the bars, and whether they grow from one to the next."""
    low, high = max(float(took.min()), _SHORTEST_S), max(float(took.max()), _SHORTEST_S)
    bars = int(min(max(2 * len(took) ** (1 / 3), 5), 100))
    if high / low > _WIDE:
        return np.geomspace(low, high, bars + 1), True
    if high - low < 0.01 * high:  # as good as equal: a bar of some width is better than a line
        return np.linspace(0.9 * low, 1.1 * high, 6), False
    return np.linspace(low, high, bars + 1), False
