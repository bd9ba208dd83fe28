"""Pictures of a job: when its calls ran, and how long they took.

    futures = fexec.map(my_function, my_data)
    fexec.get_result()
    plot([future.stats for future in futures], "plots/monday")

Drawing needs matplotlib and numpy (`pip install 'lithops-core[plot]'`), which nothing imports before they are used.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lithops.errors import LithopsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["plot", "plot_histogram", "plot_timeline"]

_DPI = 150
_SMALLEST_INCHES = 2.0  # below, labels leave no room for what they label
_LARGEST_INCHES = 200.0  # 30,000 pixels; matplotlib itself refuses 65,536


def plot(
    stats: Sequence[Mapping[str, Any]], dst: str | Path | None = None, figsize: tuple[float, float] = (10, 6)
) -> list[Path]:
    """Write `<dst>_timeline.png` and `<dst>_histogram.png` and return their paths.

    `stats` holds one mapping per call, as `ResponseFuture.stats` does; calls that never ran are only counted. `dst`
    defaults to `plots/<time stamp>` in the current folder; folders are made. `figsize` is in inches. Raises
    LithopsError if there is nothing to draw, nothing to draw it with, or nowhere to put it.
    """
    prefix = Path("plots") / time.strftime("%Y-%m-%d_%H-%M-%S") if dst is None else dst
    return _write(stats, prefix, figsize, ("timeline", "histogram"))


def plot_timeline(stats: Sequence[Mapping[str, Any]], dst: str | Path, figsize: tuple[float, float] = (10, 6)) -> Path:
    """Write `<dst>_timeline.png`: when each call waited, ran and was answered, and how many ran side by side.

    Arguments and errors are those of `plot`.
    """
    return _write(stats, dst, figsize, ("timeline",))[0]


def plot_histogram(stats: Sequence[Mapping[str, Any]], dst: str | Path, figsize: tuple[float, float] = (10, 6)) -> Path:
    """Write `<dst>_histogram.png`: how long the calls ran, with mean, median and 99th percentile.

    Arguments and errors are those of `plot`.
    """
    return _write(stats, dst, figsize, ("histogram",))[0]


def _write(
    stats: Sequence[Mapping[str, Any]], dst: str | Path, figsize: Sequence[float], names: tuple[str, ...]
) -> list[Path]:
    if len(figsize) != 2 or not all(_SMALLEST_INCHES <= inches <= _LARGEST_INCHES for inches in figsize):
        raise LithopsError(
            f"cannot draw a plot of figsize={figsize!r}: give width and height in inches, "
            f"each from {_SMALLEST_INCHES:g} to {_LARGEST_INCHES:g}"
        )
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        from lithops.plots.columns import read_columns
        from lithops.plots.histogram import draw_histogram
        from lithops.plots.timeline import draw_timeline
    except ImportError as error:
        raise LithopsError(
            f"plots need matplotlib and numpy, and {error.name or 'one of them'!r} cannot be imported; "
            "pip install 'lithops-core[plot]'"
        ) from error
    draw = {"timeline": draw_timeline, "histogram": draw_histogram}
    columns = read_columns(stats)
    paths = []
    for name in names:
        path = Path(f"{dst}_{name}.png").expanduser()
        # A canvas of its own for each figure: pyplot would keep figures for ever and choose a window system.
        figure = Figure(figsize=(figsize[0], figsize[1]), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw[name](figure, columns)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, format="png")
        except OSError as error:
            raise LithopsError(
                f"cannot write the plot {str(path)!r}: {error.strerror or error}; name another place with dst="
            ) from error
        paths.append(path)
    return paths
