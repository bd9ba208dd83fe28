"""The service on the wire, as a stub, and at the end of its life."""

from __future__ import annotations

import ast
import http.client
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lithops.remote.envelope import decode_reports
from lithops.types import CallState
from lithops_testing import FaasDouble
from lithops_testing.orders import order, results

from .conftest import Echo

DEADLINE_S = 30


def wait_until_gone(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], DEADLINE_S)[0], f"process {pid} lives on"
    finally:
        os.close(fd)


# --- the wire


def test_what_is_no_http_is_refused(faas_double: FaasDouble) -> None:
    port = int(faas_double.endpoint.rpartition(":")[2])
    context = ssl.create_default_context(cafile=faas_double.ca_file)
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(b"\x00\x01\x02 hello\r\n\r\n")
        assert secure.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_requests_on_one_connection_are_answered_in_order(echo: Echo) -> None:
    port = int(echo.service.endpoint.rpartition(":")[2])
    context = ssl.create_default_context(cafile=echo.service.ca_file)
    token = echo.service.token.get_secret_value()
    head = f"POST /functions/echo/invocations HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: "
    bodies = (b"sleep 0.2", b"second", b"third")
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(b"".join(head.encode() + b"%d\r\n\r\n" % len(body) + body for body in bodies))
        received = b""
        while not received.endswith(b"third"):
            received += secure.recv(4096)
    assert received.index(b"sleep 0.2") < received.index(b"second") < received.index(b"third")


# --- the stub


def test_a_stub_says_that_every_call_is_done(echo: Echo) -> None:
    echo.service.configure(stub_ms=5)
    activation = order(lambda x: x, [1, 2, 3], attempt=2)
    assert activation.payload is not None
    (report,) = decode_reports(echo(activation.payload()).body)
    assert (report.activation_id, report.first, report.count) == (activation.activation_id, 0, 3)
    assert (report.attempt, report.states, report.final) == (2, bytes([CallState.DONE] * 3), True)
    assert results([report]) == [None, None, None]
    assert echo.service.counters()["cold_starts"] == 0
    assert json.loads(echo(b"no activation").body)["error"] == "failed"


def test_a_stub_has_many_invocations_under_way(echo: Echo) -> None:
    echo.service.configure(stub_ms=1500)
    activation = order(lambda x: x, [1])
    assert activation.payload is not None
    body = activation.payload()
    with ThreadPoolExecutor(100) as threads:
        assert {answer.status for answer in threads.map(lambda _: echo(body), range(100))} == {200}
    assert echo.service.counters()["most_in_flight"] > 50


# --- its life


def test_it_ends_with_its_environments_and_leaves_nothing() -> None:
    with FaasDouble() as service:
        echo = Echo(service)
        echo.deploy()
        environment = ast.literal_eval(echo(b"look").body.decode())[0]
        folder = os.path.dirname(service.ca_file)
        assert os.path.isdir(folder)
    wait_until_gone(environment)
    assert not os.path.exists(folder)
    service.close()


@pytest.mark.needs("linux")
def test_environments_at_work_end_when_it_is_killed() -> None:
    service = FaasDouble()
    echo = Echo(service)
    echo.deploy()
    environment = ast.literal_eval(echo(b"look").body.decode())[0]
    with pytest.raises((http.client.HTTPException, OSError)), ThreadPoolExecutor(1) as threads:
        answer = threads.submit(echo, b"sleep 60")
        deadline = time.monotonic() + DEADLINE_S
        while service.counters()["in_flight"] == 0:
            assert time.monotonic() < deadline
        os.kill(service.pid, signal.SIGKILL)
        answer.result(DEADLINE_S)
    wait_until_gone(environment)
    service.close()


@pytest.mark.needs("linux")
def test_it_ends_when_who_started_it_is_killed() -> None:
    program = "import lithops_testing; s = lithops_testing.FaasDouble(); print(s.pid, flush=True); input()"
    starter = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert starter.stdin is not None
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait(DEADLINE_S)
    wait_until_gone(pid)
    starter.stdin.close()
    starter.stdout.close()


def test_settings_that_make_no_sense_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match=r"the service did not start with \{'burst': 0\}"):
        FaasDouble(burst=0)
    assert "greater than or equal to 1" in capfd.readouterr().err
