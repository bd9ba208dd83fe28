"""What a notebook shows of futures, lists and executors."""

from __future__ import annotations

import html.parser
from typing import Any

import pytest

from lithops import FunctionExecutor
from lithops.errors import WorkerCrashedError

from .conftest import Gate, pass_gate


def text_of(shown: str) -> str:
    """Return what a browser shows of HTML, after a check that all tags are closed."""
    words: list[str] = []
    open_tags: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

        def handle_data(self, data: str) -> None:
            words.append(data)

    Reader().feed(shown)
    assert open_tags == []
    return " ".join(" ".join(words).split())


def reject(x: int) -> int:
    if x < 2:
        raise ValueError(f"<script>alert({x})</script>" + "!" * 1000)
    return x


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("says nothing")


def raise_silent(_: int) -> None:
    raise Silent


def test_a_list_shows_how_far_its_calls_are(fexec: FunctionExecutor) -> None:
    futures = fexec.map(reject, range(5))
    fexec.wait(futures, throw_except=False)
    shown = text_of(futures._repr_html_())
    assert shown.startswith(f"reject {futures[0].job_key} 5 calls, 3 done, 2 failed, ")
    assert shown.endswith(" per call")
    assert "to go" not in shown


def test_a_touched_list_shows_the_same(fexec: FunctionExecutor) -> None:
    futures = fexec.map(reject, range(5))
    fexec.wait(futures, throw_except=False)
    before = futures._repr_html_()
    assert len(list(futures)) == 5
    assert futures._repr_html_() == before


def test_a_list_shows_what_is_under_way(fexec: FunctionExecutor, gate: Gate) -> None:
    futures = fexec.map(pass_gate, [gate.path] * 3)
    gate.arrival()
    assert "3 calls, 0 done, 3 to go, " in text_of(futures._repr_html_())
    gate.open(3)
    fexec.wait(futures)


def test_showing_a_list_makes_no_futures(lone: FunctionExecutor) -> None:
    futures = lone.map(abs, range(1000))
    futures._repr_html_()
    assert futures.job is not None


def test_a_list_of_several_jobs_names_their_functions(fexec: FunctionExecutor) -> None:
    futures = fexec.map_reduce(abs, range(3), sum)
    fexec.wait(futures)
    assert text_of(futures._repr_html_()).startswith("abs, sum 4 calls, 4 done, ")


def test_an_empty_list_shows_nothing(fexec: FunctionExecutor) -> None:
    assert text_of(fexec.map(abs, [])._repr_html_()) == "nothing 0 calls, 0 done"


def test_a_terminal_shows_a_line_of_a_list(fexec: FunctionExecutor) -> None:
    class Printer:
        said = ""

        def text(self, words: str) -> None:
            self.said += words

    futures = fexec.map(abs, range(2000))
    fexec.wait(futures)
    printer = Printer()
    futures._repr_pretty_(printer, False)
    assert printer.said.startswith("<FuturesList of abs: 2,000 calls, 2,000 done, ")
    assert futures.job is not None


def test_a_future_shows_its_call(lone: FunctionExecutor) -> None:
    future = lone.call_async(abs, -3)
    future.result()
    shown = text_of(future._repr_html_())
    assert shown.startswith(f"call 00000 of abs {future.job_key} Done after ")
    assert shown.endswith(f" on worker {future.activation_id}")


def test_a_future_shows_its_error_escaped_and_cut(lone: FunctionExecutor) -> None:
    future = lone.call_async(reject, 1)
    assert isinstance(future.exception(), ValueError)
    shown = future._repr_html_()
    assert "<script>" not in shown
    assert "ValueError: <script>alert(1)</script>!!!" in text_of(shown)
    assert len(shown) < 1000


def test_an_error_is_shown_before_and_after_somebody_has_looked_at_it(lone: FunctionExecutor) -> None:
    import os

    future = lone.call_async(os._exit, 4)
    lone.wait(future, throw_except=False)
    before = text_of(future._repr_html_())
    assert "WorkerCrashedError: " in before
    assert isinstance(future.exception(), WorkerCrashedError)
    assert text_of(future._repr_html_()) == before


def test_an_error_without_words_is_shown(lone: FunctionExecutor) -> None:
    future = lone.call_async(raise_silent, 1)
    assert future.exception() is not None
    assert "message cannot be made" in text_of(future._repr_html_())


def test_a_future_under_way_shows_its_state(lone: FunctionExecutor, gate: Gate) -> None:
    future = lone.call_async(pass_gate, gate.path)
    gate.arrival()
    assert text_of(future._repr_html_()).endswith(" Invoked")
    gate.open()
    future.result()


def test_an_executor_shows_its_latest_jobs() -> None:
    with FunctionExecutor(worker_processes=1) as executor:
        assert text_of(executor._repr_html_()) == f"executor {executor.executor_id} 0 jobs on localhost"
        for _ in range(10):
            executor.call_async(abs, 1).result()
        shown = text_of(executor._repr_html_())
        assert f"{executor.executor_id} 10 jobs on localhost abs 1 call, 1 done, " in shown
        assert shown.count("abs") == 8
    assert "on localhost, closed" in text_of(executor._repr_html_())


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0123, "12.3 ms"), (1.5, "1.5 s"), (75, "1:15"), (3600, "1:00:00"), (59.9, "59.9 s")]
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    from lithops.display import _duration

    assert _duration(seconds) == shown
