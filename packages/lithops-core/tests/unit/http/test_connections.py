"""Few connections, used again."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from lithops.serverless.http.engine import Engine

from .conftest import LIMIT_S, Call, Connection, MakeEngine, Serve, Server, echo


def one_after_the_other(engine: Engine, server: Server, ca_file: str | None, count: int) -> list[Call]:
    calls = []
    for number in range(count):
        calls.append(Call(server.url, str(number).encode(), ca_file=ca_file))
        engine.send([calls[-1]])
        assert calls[-1].response().body == str(number).encode()
    return calls


def test_connection_is_used_again(serve: Serve, engine: Engine, ca_file: str) -> None:
    server = serve()
    one_after_the_other(engine, server, ca_file, 20)
    assert server.accepted == 1


class Gate:
    """A script that answers when it is told to."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.numbers: list[int] = []
        self.open = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        while True:
            _, body = await connection.request()
            self.numbers.append(connection.number)
            self.arrived.release()
            await self.open.wait()
            await connection.answer(body)

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=LIMIT_S)


def test_no_more_connections_are_open_than_allowed(serve: Serve, make_engine: MakeEngine, ca_file: str) -> None:
    gate = Gate()
    server = serve(gate)
    engine = make_engine(connections=3)
    calls = [Call(server.url, ca_file=ca_file) for _ in range(20)]
    engine.send(calls)
    gate.wait(3)
    server.call(gate.open.set)
    for call in calls:
        call.response()
    assert (server.accepted, sum(call.requested for call in calls)) == (3, 20)


def test_connection_that_was_used_last_is_used_first(serve: Serve, engine: Engine) -> None:
    gate = Gate()
    server = serve(gate, tls="")
    calls = [Call(server.url) for _ in range(3)]
    engine.send(calls)
    gate.wait(3)
    server.call(gate.open.set)
    for call in calls:
        call.response()
    del gate.numbers[:]
    for _ in range(4):
        call = Call(server.url)
        engine.send([call])
        call.response()
    assert len(set(gate.numbers)) == 1


def test_freed_connections_are_used_before_new_ones_are_opened(serve: Serve, make_engine: MakeEngine) -> None:
    server = serve(tls="")
    calls = [Call(server.url) for _ in range(2000)]
    make_engine(connections=2000).send(calls)
    for call in calls:
        call.response()
    assert server.accepted < 1000


def test_idle_connection_is_closed_after_a_while(serve: Serve, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops.serverless.http.pool.IDLE_S", 0.1)
    ended = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.answer()
        await connection.closed()
        ended.set()

    engine.send([Call(serve(script, tls="").url)])
    assert ended.wait(LIMIT_S)


def test_idle_connection_to_one_host_makes_way_for_another(serve: Serve, make_engine: MakeEngine) -> None:
    engine = make_engine(connections=1)
    servers = [serve(tls=""), serve(tls="")]
    for _ in range(3):
        for server in servers:
            one_after_the_other(engine, server, None, 1)
    assert [server.accepted for server in servers] == [3, 3]


def test_hosts_that_share_the_connections_are_all_served(serve: Serve, make_engine: MakeEngine, ca_file: str) -> None:
    engine = make_engine(connections=2)
    servers = [serve(), serve(tls=""), serve()]
    calls = [Call(servers[n % 3].url, str(n).encode(), ca_file=ca_file) for n in range(60)]
    engine.send(calls)
    assert [call.response().body for call in calls] == [str(n).encode() for n in range(60)]


def test_one_host_trusted_in_two_ways_has_two_connections(serve: Serve, engine: Engine, ca_file: str) -> None:
    server = serve()
    one_after_the_other(engine, server, ca_file, 1)
    call = Call(server.url)
    engine.send([call])
    assert "certificate that is not trusted" in str(call.error())


@pytest.mark.parametrize("tls", ["", "127.0.0.1"], ids=["plain", "TLS"])
def test_request_on_a_connection_that_was_closed_meanwhile_is_sent_again(
    serve: Serve, engine: Engine, ca_file: str, tls: str
) -> None:
    async def script(connection: Connection) -> None:
        _, body = await connection.request()
        await connection.answer(body)
        if connection.number == 0:
            await connection.request()  # has it, says nothing
            connection.reset()
        else:
            await echo(connection)

    server = serve(script, tls=tls)
    calls = one_after_the_other(engine, server, ca_file, 3)
    assert [call.requested for call in calls] == [1, 2, 1]
    assert server.accepted == 2


def test_request_is_sent_again_only_while_connections_turn_out_to_be_closed(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        for _ in range(2 - min(connection.number, 1)):
            _, body = await connection.request()
            if body == b"reset":
                break
            await connection.answer(body)
        connection.reset()

    server = serve(script, tls="")
    one_after_the_other(engine, server, None, 1)
    call = Call(server.url, b"reset")
    engine.send([call])
    assert "closed the connection without an answer" in str(call.error())
    assert call.requested == 2  # the second connection was new: the server has seen the request


def test_request_is_not_sent_again_for_ever(
    serve: Serve, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lithops.serverless.http.pool.REPETITIONS", 0)

    async def script(connection: Connection) -> None:
        _, body = await connection.request()
        await connection.answer(body)
        await connection.request()
        connection.reset()

    server = serve(script, tls="")
    engine = make_engine()
    one_after_the_other(engine, server, None, 1)
    call = Call(server.url)
    engine.send([call])
    assert "closed the connection without an answer" in str(call.error())
    assert (call.requested, call.sent) == (1, True)


def test_connection_that_closes_late_is_a_failure_of_the_platform(
    serve: Serve, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lithops.serverless.http.connection.STALE_S", 0.0)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.answer(b"0")
        await connection.request()
        connection.reset()

    server = serve(script, tls="")
    one_after_the_other(engine, server, None, 1)
    call = Call(server.url)
    engine.send([call])
    assert "without an answer" in str(call.error())
    assert (call.requested, call.sent) == (1, True)


def test_server_that_says_goodbye_is_not_asked_again_on_that_connection(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        _, body = await connection.request()
        await connection.answer(body, "Connection: close")
        await connection.closed()

    server = serve(script, tls="")
    calls = one_after_the_other(engine, server, None, 3)
    assert [call.requested for call in calls] == [1, 1, 1]
    assert server.accepted == 3


@pytest.mark.parametrize("tls", ["", "127.0.0.1"], ids=["plain", "TLS"])
def test_server_that_closes_after_an_answer_without_saying_so(
    serve: Serve, engine: Engine, ca_file: str, tls: str
) -> None:
    async def script(connection: Connection) -> None:
        _, body = await connection.request()
        await connection.answer(body)
        connection.close()
        await connection.closed()

    one_after_the_other(engine, serve(script, tls=tls), ca_file, 100)


def test_idle_connections_share_one_timer(serve: Serve, engine: Engine) -> None:
    one_after_the_other(engine, serve(tls=""), None, 300)
    assert engine._loop is not None
    timers = [timer for timer in engine._loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    assert len(timers) == 1


@pytest.mark.parametrize(
    "surplus", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"], ids=["garbage", "a whole response"]
)
def test_what_comes_beyond_a_response_is_not_taken_for_the_next(serve: Serve, engine: Engine, surplus: bytes) -> None:
    async def script(connection: Connection) -> None:
        _, body = await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body + surplus)
        await connection.closed()

    server = serve(script, tls="")
    one_after_the_other(engine, server, None, 3)
    assert server.accepted == 3


def test_what_comes_unasked_ends_an_idle_connection(serve: Serve, engine: Engine) -> None:
    ended = threading.Event()

    async def script(connection: Connection) -> None:
        _, body = await connection.request()
        await connection.answer(body)
        if connection.number == 0:
            await connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            await connection.closed()
            ended.set()

    server = serve(script, tls="")
    one_after_the_other(engine, server, None, 1)
    assert ended.wait(LIMIT_S)
    one_after_the_other(engine, server, None, 1)
    assert server.accepted == 2


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Have hosts found at addresses of this machine, which no real resolver would say; returns the hosts asked for."""
    asked: list[str] = []

    def look_up(host: str, port: None, type: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        return [(socket.AF_INET, type, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    return asked


def test_addresses_of_a_host_are_tried_until_one_takes_the_connection(
    serve: Serve, engine: Engine, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(tls="many.example")
    asked = resolve(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    calls = [Call(f"https://many.example:{server.port}/", ca_file=ca_file) for _ in range(100)]
    engine.send(calls)
    for call in calls:
        assert call.response().status == 200
    assert asked == ["many.example"]


def test_host_that_moved_is_looked_up_again(
    serve: Serve, engine: Engine, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(tls="moving.example")
    for addresses, ended in ((["127.0.0.2"], Call.error), (["127.0.0.1"], Call.response)):
        asked = resolve(monkeypatch, *addresses)
        call = Call(f"https://moving.example:{server.port}/", ca_file=ca_file)
        engine.send([call])
        ended(call)
        assert asked == ["moving.example"]
