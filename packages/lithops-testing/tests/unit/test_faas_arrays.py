"""Events and arrays: what nobody waits for is run all the same, and asked about later."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Echo

DEADLINE_S = 30


def until(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not wanted(found := look()):
        assert time.monotonic() < deadline, found
    return found


def event(echo: Echo, name: str) -> dict[str, str]:
    (found,) = echo.service.ask("POST", "/events", {"names": [name]})["events"]
    return dict(found)


def states(echo: Echo, name: str) -> list[dict[str, Any]]:
    return list(echo.service.ask("GET", f"/arrays/{name}")["states"])


def start(echo: Echo, size: int, body: bytes = b"hello", name: str = "a") -> None:
    answer = echo(body, what="arrays", X_Array_Size=str(size), Idempotency_Key=name)
    assert (answer.status, json.loads(answer.body)) == (202, {"array": name})


def all_gone(found: list[dict[str, Any]]) -> bool:
    return {state["phase"] for state in found} == {"gone"}


def test_an_event_is_taken_at_once_and_its_end_can_be_asked(echo: Echo) -> None:
    assert echo(b"sleep 0.5", X_Invocation_Type="event", Idempotency_Key="e").status == 202
    assert event(echo, "e")["phase"] == "running"
    found = until(lambda: event(echo, "e"), lambda said: said["phase"] == "gone")
    assert found == {"name": "e", "phase": "gone", "error": "", "message": ""}
    assert event(echo, "other") == {"name": "other", "phase": "unknown"}


def test_an_event_that_fails_says_how(echo: Echo) -> None:
    assert echo(b"exit 3", X_Invocation_Type="event", Idempotency_Key="e").status == 202
    found = until(lambda: event(echo, "e"), lambda said: said["phase"] == "gone")
    assert found["error"] == "crashed"
    assert "exit code 3" in found["message"]


def test_events_have_a_limit_of_their_own(echo: Echo) -> None:
    echo.service.configure(event_bytes=100)
    assert echo(bytes(101)).status == 200
    assert echo(bytes(101), X_Invocation_Type="event").status == 413


def test_each_activation_of_an_array_runs_once_and_knows_its_index(echo: Echo) -> None:
    start(echo, 5, b"only 3")
    found = until(lambda: states(echo, "a"), all_gone)
    assert [state["index"] for state in found] == list(range(5))
    assert [state["error"] for state in found] == ["", "", "", "crashed", ""]
    assert echo.service.counters()["cold_starts"] == 5


def test_an_array_that_is_asked_for_twice_is_one(echo: Echo) -> None:
    start(echo, 2)
    start(echo, 2)
    until(lambda: states(echo, "a"), all_gone)
    assert echo.service.counters()["executed"] == 2


def test_so_many_run_at_once(echo: Echo) -> None:
    echo.service.configure(array_slots=2)
    start(echo, 5, b"sleep 1")
    found = until(lambda: Counter(state["phase"] for state in states(echo, "a")), lambda said: said["running"] == 2)
    assert found == {"running": 2, "queued": 3}
    echo.service.ask("POST", "/arrays/a/cancel", {"indexes": list(range(5))})


def test_what_is_cancelled_ends(echo: Echo) -> None:
    start(echo, 3, b"sleep 60")
    echo.service.ask("POST", "/arrays/a/cancel", {"indexes": [0, 2]})
    ended = {"cancelled", ""}
    found = until(lambda: states(echo, "a"), lambda said: [s["phase"] for s in said][::2] == ["gone", "gone"])
    assert {state["error"] for state in found} == ended
    assert found[1]["phase"] in ("queued", "running")


def test_what_is_told_may_be_old(echo: Echo) -> None:
    echo.service.configure(state_lag_s=0.5)
    start(echo, 1)
    with pytest.raises(RuntimeError, match="there is no array 'a'"):
        states(echo, "a")
    time.sleep(0.6)
    assert all_gone(until(lambda: states(echo, "a"), all_gone))


@pytest.mark.parametrize(
    ("size", "body", "status"), [("0", b"", 400), ("x", b"", 400), ("10001", b"", 400), ("2", bytes(30_001), 413)]
)
def test_an_array_that_cannot_be_is_refused(echo: Echo, size: str, body: bytes, status: int) -> None:
    assert echo(body, what="arrays", X_Array_Size=size, Idempotency_Key="a").status == status


def test_an_array_needs_a_name(echo: Echo) -> None:
    assert echo(what="arrays", X_Array_Size="2").status == 400
