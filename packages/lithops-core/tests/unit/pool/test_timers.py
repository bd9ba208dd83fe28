"""Things done later."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from lithops.invoke.timers import Timers


def test_actions_run_in_the_order_in_which_they_are_due() -> None:
    timers, done = Timers(), queue.Queue[str]()
    timers.after(0.06, lambda: done.put("late"))
    timers.after(0.02, lambda: done.put("early"))
    timers.after(0.0, lambda: done.put("now"))
    assert [done.get(timeout=10) for _ in range(3)] == ["now", "early", "late"]
    timers.close()


def test_no_action_runs_before_its_time() -> None:
    timers, done = Timers(), queue.Queue[float]()
    start = time.monotonic()
    timers.after(0.05, lambda: done.put(time.monotonic()))
    assert done.get(timeout=10) - start >= 0.05
    timers.close()


def test_an_action_in_the_far_future_stops_no_other() -> None:
    timers, done = Timers(), queue.Queue[str]()
    timers.after(1e300, lambda: done.put("never"))
    timers.after(0.0, lambda: done.put("now"))
    assert done.get(timeout=10) == "now"
    timers.after(0.01, lambda: done.put("soon"))
    assert done.get(timeout=10) == "soon"
    timers.close()


def test_an_action_that_raises_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    timers, done = Timers(), queue.Queue[str]()
    timers.after(0.0, lambda: 1 // 0)  # type: ignore[arg-type]
    timers.after(0.01, lambda: done.put("on"))
    assert done.get(timeout=10) == "on"
    assert "a timed action failed" in caplog.text
    timers.close()


def test_an_action_may_ask_for_another() -> None:
    timers, done = Timers(), queue.Queue[str]()
    timers.after(0.0, lambda: timers.after(0.0, lambda: done.put("again")))
    assert done.get(timeout=10) == "again"
    timers.close()


def test_closing_drops_what_is_left_ends_the_thread_and_can_be_repeated() -> None:
    timers, done = Timers(), queue.Queue[str]()
    timers.after(0.0, lambda: done.put("first"))
    done.get(timeout=10)
    timers.after(0.01, lambda: done.put("never"))
    thread = next(t for t in threading.enumerate() if t is timers._thread)
    timers.close()
    timers.close()
    timers.after(0.0, lambda: done.put("never"))
    thread.join(10)
    assert not thread.is_alive()
    assert done.empty()


def test_a_thousand_timers_share_one_thread() -> None:
    timers, done = Timers(), queue.Queue[int]()
    for n in range(1000):
        timers.after(0.001 * (n % 7), lambda: done.put(threading.get_ident()))
    assert len({done.get(timeout=10) for _ in range(1000)}) == 1
    timers.close()
