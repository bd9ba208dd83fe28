"""The function service behaves like one, well and badly."""

from __future__ import annotations

import ast
import http.client
import json
import os
import ssl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lithops.types import HttpResponse
from lithops_testing import FaasDouble

from .conftest import Echo, archive

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 30


def said(answer: HttpResponse) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(answer.body)
    return value


@contextmanager
def occupied(echo: Echo, body: bytes = b"sleep 60") -> Iterator[None]:
    """Have an invocation under way; it ends with the service's next reset."""
    done: list[object] = []

    def run() -> None:
        try:
            done.append(echo(body))
        except (OSError, http.client.HTTPException) as error:
            done.append(error)

    before = echo.service.counters()["in_flight"]
    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + DEADLINE_S
    while echo.service.counters()["in_flight"] == before:
        assert time.monotonic() < deadline, "the invocation was not taken"
    yield
    echo.service.reset()
    thread.join(DEADLINE_S)
    assert done


# --- control plane


def test_a_function_runs_in_an_interpreter_of_its_own_with_nothing_else(echo: Echo) -> None:
    echo.deploy(environment={"COLOUR": "red"})
    pid, variables, isolated, no_site = ast.literal_eval(echo(b"look").body.decode())
    assert pid not in (os.getpid(), echo.service.pid)
    assert set(variables) - {"LC_CTYPE"} == {"COLOUR", "FAAS_MEMORY_MB", "FAAS_TIMEOUT_S", "HOME", "PATH", "TMPDIR"}
    assert (isolated, no_site) == (1, 1)


def test_an_environment_is_used_again(echo: Echo) -> None:
    assert [echo(b"count").body, echo(b"count").body] == [b"1", b"2"]
    assert echo.service.counters()["cold_starts"] == 1


def test_a_function_that_is_the_same_is_left_as_it_is_and_another_replaces_it(echo: Echo) -> None:
    echo(b"count")
    echo.deploy()
    assert echo(b"count").body == b"2"
    echo.deploy(memory_mb=200)
    assert echo(b"count").body == b"1"


def test_functions_are_listed_with_their_tags_and_deleted(echo: Echo) -> None:
    echo.deploy(tags={"owner": "me"})
    (function,) = echo.service.functions().values()
    assert (function["name"], function["state"], function["tags"]) == ("echo", "Active", {"owner": "me"})
    assert "archive" not in function
    echo.service.ask("DELETE", "/functions/echo")
    assert echo.service.functions() == {}
    assert (echo().status, said(echo())["message"]) == (404, "there is no function 'echo'")


def test_a_new_function_is_pending_for_a_while(faas_double: FaasDouble) -> None:
    faas_double.configure(activation_s=600)
    echo = Echo(faas_double)
    echo.deploy()
    assert faas_double.functions()["echo"]["state"] == "Pending"
    assert (echo().status, said(echo())["message"]) == (409, "function 'echo' is not active yet")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"archive": "?"}, "it is not base64"),
        ({"archive": "AAAA"}, "the archive cannot be read"),
        ({"python": "3.99"}, "there is no Python 3.99 on this machine"),
        ({"memory": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_function_that_cannot_be_is_refused(echo: Echo, spec: dict[str, object], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        echo.deploy(**spec)


def test_without_the_right_token_nothing_is_done(echo: Echo) -> None:
    assert (echo(token="wrong").status, said(echo(token="wrong"))["error"]) == (403, "forbidden")
    place = echo.service.endpoint.removeprefix("https://")
    context = ssl.create_default_context(cafile=echo.service.ca_file)
    connection = http.client.HTTPSConnection(place, timeout=DEADLINE_S, context=context)
    connection.request("GET", "/functions")
    assert connection.getresponse().status == 401
    connection.close()
    assert echo.service.counters()["invocations"] == 0


# --- limits


def test_what_is_too_large_is_refused_with_sizes(echo: Echo) -> None:
    echo.service.configure(request_bytes=1000, response_bytes=2000)
    assert (echo(b"x" * 1000).status, echo(b"x" * 1001).status) == (200, 413)
    assert said(echo(b"x" * 1001))["message"] == "the request has 1,001 bytes, and 1,000 are the most"
    answer = echo(b"big 2001")
    assert answer.status == 413
    assert said(answer) == {
        "error": "response_too_large",
        "message": "the response has 2,001 bytes, and 2,000 are the most",
    }


def test_the_rate_is_limited_and_the_answer_says_when_to_come_back(echo: Echo) -> None:
    echo.service.configure(rate_per_s=0.5, burst=3)
    answers = [echo() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert said(answers[-1])["reason"] == "rate"
    assert 0 < float(answers[-1].headers["retry-after"]) <= 2
    assert echo.service.counters()["throttled"] == 1


def test_no_more_environments_than_a_function_may_have(echo: Echo) -> None:
    echo.deploy(concurrency=1)
    with occupied(echo):
        answer = echo()
        assert (answer.status, said(answer)["reason"]) == (429, "concurrency")


def test_what_runs_too_long_is_killed(echo: Echo) -> None:
    echo.deploy(timeout_s=0.3)
    answer = echo(b"sleep 60")
    assert (answer.status, said(answer)["error"]) == (504, "timeout")
    assert said(answer)["message"] == "the invocation ran longer than the function's timeout of 0.3 s"
    assert echo().body == b"hello"


@pytest.mark.needs("linux")
def test_what_takes_too_much_memory_is_killed(echo: Echo) -> None:
    echo.deploy(memory_mb=100)
    answer = echo(b"take 300")
    assert (answer.status, said(answer)["error"]) == (502, "memory")
    assert said(answer)["message"].endswith("and its function has 100 MB")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"exit 3", "crashed", "the environment ended with exit code 3"),
        (b"signal 11", "crashed", "the environment ended with signal SIGSEGV; its log ends: last words"),
        (b"signal 9", "killed", "the environment ended with signal SIGKILL; its log ends: last words"),
        (b"raise no", "failed", "'echo:handle' raised ValueError: no"),
    ],
)
def test_how_an_environment_ended_is_told(echo: Echo, body: bytes, code: str, message: str) -> None:
    assert said(echo(body)) == {"error": code, "message": message}
    assert echo().body == b"hello"


def test_a_function_that_cannot_be_loaded_says_why(echo: Echo) -> None:
    echo.deploy(archive=archive(echo="import numpy"))
    assert said(echo())["message"] == ("'echo:handle' cannot be loaded: ModuleNotFoundError: No module named 'numpy'")


# --- faults


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("throttle", 429, "throttled"),
        ("crash_before", 502, "killed"),
        ("crash_after", 502, "killed"),
        ("reclaim", 503, "reclaimed"),
        ("timeout", 504, "timeout"),
        ("memory", 502, "memory"),
        ("error_500", 500, "internal"),
        ("error_503", 503, "unavailable"),
    ],
)
def test_a_fault_meets_the_next_invocation_only(echo: Echo, fault: str, status: int, code: str) -> None:
    echo.service.inject(**{fault: {"next": 1}})
    answer = echo()
    assert (answer.status, said(answer)["error"]) == (status, code)
    assert echo().body == b"hello"
    assert echo.service.counters()["faults"] == {fault: 1}


def test_a_crash_after_the_work_has_done_the_work(echo: Echo) -> None:
    echo.service.inject(crash_after={"next": 1})
    echo()
    assert (echo.service.counters()["executed"], echo.service.counters()["died"]) == (1, 1)


def test_what_is_delivered_twice_runs_twice_and_is_answered_once(echo: Echo) -> None:
    echo.service.inject(duplicate={"next": 1})
    assert echo(b"count").body == b"1"
    assert echo(b"count").body == b"3"


def test_a_lost_answer_was_worked_for(echo: Echo) -> None:
    echo.service.inject(lost_answer={"next": 1})
    with pytest.raises((http.client.HTTPException, OSError)):
        echo()
    assert echo.service.counters()["executed"] == 1


def test_a_truncated_body_is_shorter_than_it_says(echo: Echo) -> None:
    echo.service.inject(truncated_body={"next": 1})
    with pytest.raises((http.client.IncompleteRead, OSError)):
        echo()


@pytest.mark.parametrize("fault", ["latency", "slow_body", "cold_start"])
def test_a_fault_that_takes_time_takes_it(echo: Echo, fault: str) -> None:
    echo()
    echo.service.inject(**{fault: {"next": 1, "seconds": 0.4}})
    began = time.monotonic()
    assert echo().body == b"hello"
    assert time.monotonic() - began >= 0.35
    assert echo.service.counters()["cold_starts"] == (2 if fault == "cold_start" else 1)


def test_chance_decides_the_same_way_for_the_same_seed(echo: Echo) -> None:
    def statuses() -> list[int]:
        echo.service.inject(error_500=0.5)
        return [echo().status for _ in range(12)]

    first = statuses()
    assert set(first) == {200, 500}
    assert statuses() == first


def test_an_outage_refuses_connections_and_ends(echo: Echo) -> None:
    echo.service.outage(0.5)
    with pytest.raises(ConnectionRefusedError):
        echo()
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            assert echo().body == b"hello"
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("faults", "message"),
    [({"nonsense": 1}, "Extra inputs are not permitted"), ({"memory": 2}, "less than or equal to 1")],
)
def test_a_fault_that_does_not_exist_is_refused(echo: Echo, faults: dict[str, object], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        echo.service.inject(**faults)
