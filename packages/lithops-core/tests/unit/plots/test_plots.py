"""Plots of jobs of every size, looked at by their pixels."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from lithops.errors import LithopsError
from lithops.plots import plot, plot_histogram, plot_timeline
from lithops.plots.columns import read_columns
from lithops.plots.histogram import draw_histogram
from lithops.plots.timeline import _busy_seconds, draw_timeline
from lithops.plots.units import duration

BLUE, RED, GREY = (0x2F, 0x6D, 0xB5), (0xD6, 0x27, 0x28), (0xDC, 0xDC, 0xDC)


def stats_of(calls: int, took: float = 0.5, failed: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
    made = 1_700_000_000.0
    stats = []
    for call in range(calls):
        start = made + 0.1 + (call // 4) * took
        stats.append(
            {
                "host_job_create_tstamp": made,
                "host_submit_tstamp": made + 0.02,
                "worker_func_start_tstamp": start,
                "worker_func_end_tstamp": start + took,
                "host_status_done_tstamp": start + took * 1.1,
                "host_result_done_tstamp": start + took * 1.2,
                "worker_func_exec_time": took,
                "worker": f"here-{call % 4}",
                "attempt": 1,
                "state": "Error" if call in failed else "Success",
            }
        )
    return stats


def pixels(path: Path, colour: tuple[int, int, int]) -> int:
    image = imread(path)[..., :3] * 255
    return int((np.abs(image - np.array(colour)).max(axis=2) < 40).sum())


@pytest.mark.parametrize("calls", [1, 20, 1_000, 20_000])
def test_a_job_of_any_size_gives_two_pictures_that_show_its_calls(tmp_path: Path, calls: int) -> None:
    timeline, histogram = plot(stats_of(calls), tmp_path / "deep" / "job")
    assert (timeline.name, histogram.name) == ("job_timeline.png", "job_histogram.png")
    assert imread(timeline).shape[:2] == (900, 1500)
    assert pixels(timeline, BLUE) > 10_000
    assert pixels(histogram, BLUE) > 10_000
    assert pixels(timeline, RED) == pixels(histogram, RED) == 0


def test_waiting_calls_are_seen_apart_from_running_ones(tmp_path: Path) -> None:
    assert pixels(plot_timeline(stats_of(20), tmp_path / "job"), GREY) > 50_000


@pytest.mark.parametrize("calls", [20, 1_000, 50_000])
def test_one_failed_call_can_be_seen_among_all(tmp_path: Path, calls: int) -> None:
    assert pixels(plot_timeline(stats_of(calls, failed=frozenset({calls // 2})), tmp_path / "job"), RED) > 20


def test_many_failed_calls_are_red_in_both_pictures(tmp_path: Path) -> None:
    timeline, histogram = plot(stats_of(2_000, failed=frozenset(range(0, 2_000, 2))), tmp_path / "job")
    assert pixels(timeline, RED) > 500
    assert pixels(histogram, RED) > 10_000


@pytest.mark.parametrize("figsize", [(2, 2), (2, 30), (30, 2)])
def test_odd_sizes_and_ranges_draw_without_a_warning(tmp_path: Path, figsize: tuple[float, float]) -> None:
    stats = stats_of(30)
    for call, entry in enumerate(stats):
        entry["worker_func_exec_time"] = 10.0 ** (call - 25)
    plot(stats, tmp_path / "job", figsize)


@pytest.mark.parametrize("figsize", [(10, 6), (5, 3)])
@pytest.mark.parametrize("draw", [draw_timeline, draw_histogram])
def test_the_legend_hides_nothing_and_is_all_there(draw: Any, figsize: tuple[float, float]) -> None:
    figure = Figure(figsize=figsize, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure, read_columns(stats_of(40, failed=frozenset({3}))))
    figure.draw_without_rendering()
    assert [axes.get_legend() for axes in figure.axes] == [None] * len(figure.axes)
    (legend,) = figure.legends
    place = legend.get_window_extent()
    assert not any(place.overlaps(axes.get_tightbbox()) for axes in figure.axes)
    assert 0 <= place.x0 < place.x1 <= figure.bbox.width
    assert place.y0 >= 0


def test_calls_that_took_no_time_at_all_are_drawn(tmp_path: Path) -> None:
    timeline, _ = plot(stats_of(5, took=0.0), tmp_path / "job")
    assert pixels(timeline, BLUE) > 50


def test_the_default_place_is_a_time_stamp_in_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = plot(stats_of(3))
    assert all(path.parent.name == "plots" and path.is_file() for path in paths)
    assert sorted((tmp_path / "plots").iterdir()) == sorted(tmp_path / path for path in paths)


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plot_histogram(stats_of(3), "~/job") == tmp_path / "job_histogram.png"


def test_the_title_counts_calls_workers_failures_retries_and_what_never_ran() -> None:
    stats = [*stats_of(1_200, failed=frozenset({1, 2, 3})), {"host_submit_tstamp": 1.0}, {}]
    stats[7]["attempt"] = 2
    assert read_columns(stats).summary() == "1,200 calls on 4 workers, 3 failed, 1 retried, 2 never ran"
    assert read_columns(stats_of(1)).summary() == "1 call on 1 worker"


def test_only_start_and_end_are_needed(tmp_path: Path) -> None:
    stats = [{"worker_func_start_tstamp": 5.0, "worker_func_end_tstamp": 6.5}]
    assert read_columns(stats).took.tolist() == [1.5]
    assert read_columns(stats).summary() == "1 call"
    assert len(plot(stats, tmp_path / "job")) == 2


def test_an_end_before_its_start_counts_as_no_time() -> None:
    columns = read_columns([{"worker_func_start_tstamp": 5.0, "worker_func_end_tstamp": 4.0}])
    assert columns.took.tolist() == [0.0]
    assert columns.ended.tolist() == columns.started.tolist()


def test_the_curve_adds_up_to_the_time_the_calls_took() -> None:
    columns = read_columns(stats_of(40, took=0.5))
    busy = _busy_seconds(columns, np.array([0.0, 0.1, 0.6, columns.last]))
    assert busy.tolist() == pytest.approx([0.0, 0.0, 2.0, 20.0], abs=1e-5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 µs"), (2e-6, "2 µs"), (0.00251, "2.51 ms"), (1, "1 s"), (299, "299 s"), (600, "10 min"), (86400, "24 h")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_no_calls_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(LithopsError, match="there is nothing to plot: no calls were given"):
        plot([], tmp_path / "job")


def test_calls_that_have_not_ended_are_an_error_that_says_to_wait(tmp_path: Path) -> None:
    with pytest.raises(LithopsError, match="none of the 2 calls has run to its end; wait for them first"):
        plot([{}, {"worker_func_start_tstamp": 1.0}], tmp_path / "job")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LithopsError, match=r"cannot write the plot '.*file/job_timeline.png': .*; name another place"):
        plot(stats_of(1), tmp_path / "file" / "job")


@pytest.mark.parametrize("figsize", [(0, 6), (10, -1), (10_000, 6), (5,)])
def test_an_impossible_size_is_refused_with_the_range(tmp_path: Path, figsize: Any) -> None:
    with pytest.raises(LithopsError, match=r"figsize=.*give width and height in inches, each from 2 to 200"):
        plot(stats_of(1), tmp_path / "job", figsize)


def test_without_matplotlib_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
from lithops.plots import plot
try:
    plot([{}])
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("LithopsError plots need matplotlib and numpy, and 'matplotlib")
    assert done.stdout.endswith("cannot be imported; pip install 'lithops-core[plot]'\n")


def test_plots_leave_pyplot_and_the_users_windows_alone(tmp_path: Path) -> None:
    code = f"""
import sys
from lithops.plots import plot
assert "matplotlib" not in sys.modules and "numpy" not in sys.modules
plot([{{"worker_func_start_tstamp": 1.0, "worker_func_end_tstamp": 2.0}}], {str(tmp_path / "job")!r})
print("matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_example_of_the_documentation_draws_what_it_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[5] / "docs" / "plots.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "my_job_timeline.png my_job_histogram.png\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_job_histogram.png", "my_job_timeline.png"]
