"""What goes wrong ends as an error that names the host, what happened and what to do."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time

import pytest

from lithops.errors import TransportError
from lithops.serverless.http.engine import Engine

from .conftest import LIMIT_S, Call, Connection, MakeEngine, Serve


def fail(engine: Engine, call: Call) -> TransportError:
    engine.send([call])
    error = call.error()
    assert isinstance(error, TransportError), repr(error)
    return error


def test_refused_connection(engine: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        call = Call(f"https://127.0.0.1:{port}/")
        error = fail(engine, call)
    assert str(error) == (
        f"127.0.0.1:{port} refused the connection; check that the service is up and the port is right"
    )
    assert (error.lasting, call.sent) == (False, False)


def test_host_that_does_not_exist(engine: Engine) -> None:
    call = Call("https://no-such-host.invalid/x")
    error = fail(engine, call)
    assert re.fullmatch(
        r"no-such-host\.invalid cannot be found: .+; check the host in the URL, and the network", str(error)
    )
    assert (error.lasting, call.sent) == (False, False)


def test_handshake_that_never_comes(serve: Serve, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops.serverless.http.pool.OPEN_S", 0.2)
    server = serve(Connection.closed, tls="")
    error = fail(engine, Call(server.url.replace("http:", "https:")))
    assert str(error) == (
        f"127.0.0.1:{server.port} did not take a connection within 0.2 s; check that a firewall lets it through"
    )


def test_server_that_does_not_speak_tls(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.answer()

    server = serve(script, tls="")
    error = fail(engine, Call(server.url.replace("http:", "https:")))
    assert str(error) == (
        f"127.0.0.1:{server.port} does not agree on TLS: wrong version number; "
        f"check that the URL is that of an HTTPS service"
    )


def test_connection_closed_during_the_handshake(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.hello()

    server = serve(script, tls="")
    call = Call(server.url.replace("http:", "https:"))
    assert str(fail(engine, call)) == (
        f"no connection to 127.0.0.1:{server.port}: it closed the connection during the handshake; "
        f"check the network and that the service is up"
    )
    assert call.sent is False


def test_certificate_of_an_unknown_authority_is_refused_for_good(serve: Serve, engine: Engine) -> None:
    server = serve()
    call = Call(server.url)
    error = fail(engine, call)
    assert re.fullmatch(
        rf"127\.0\.0\.1:{server.port} shows a certificate that is not trusted: .+; if it is the right host, "
        r"name the certificates to trust in `ca_file`",
        str(error),
    )
    assert (error.lasting, call.sent) == (True, False)


def test_certificate_of_another_host_is_refused_for_good(serve: Serve, engine: Engine, ca_file: str) -> None:
    call = Call(serve(tls="example.org").url, ca_file=ca_file)
    error = fail(engine, call)
    assert "shows a certificate that is not trusted: IP address mismatch" in str(error)
    assert (error.lasting, call.sent) == (True, False)


def test_file_of_certificates_that_is_none(serve: Serve, engine: Engine, tmp_path: object) -> None:
    call = Call(serve().url, ca_file=f"{tmp_path}/absent.pem")
    error = fail(engine, call)
    assert str(error) == (
        f"cannot read certificates from '{tmp_path}/absent.pem': No such file or directory; "
        f"`ca_file` must name a file of certificates in PEM"
    )
    assert error.lasting
    error = fail(engine, Call(serve().url, ca_file=__file__))
    assert str(error).startswith(f"cannot read certificates from {__file__!r}: ")
    assert error.lasting


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


@pytest.mark.parametrize("tls", ["", "127.0.0.1"], ids=["plain", "TLS"])
def test_body_shorter_than_promised(serve: Serve, engine: Engine, ca_file: str, tls: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(HALF)
        connection.close()

    server = serve(script, tls=tls)
    call = Call(server.url, ca_file=ca_file)
    error = fail(engine, call)
    assert str(error) == (
        f"127.0.0.1:{server.port} closed the connection in the middle of its answer; "
        f"the request may have been carried out"
    )
    assert (error.lasting, call.sent, call.requested) == (False, True, 1)


def test_reset_in_the_middle(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(HALF)
        link = connection._writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.reset()

    server = serve(script, tls="")
    call = Call(server.url)
    assert re.fullmatch(
        rf"127\.0\.0\.1:{server.port} closed the connection (in the middle of its|without an) answer "
        r"\(Connection reset by peer\); the request may have been carried out",
        str(fail(engine, call)),
    )
    assert call.sent


def test_fresh_connection_closed_without_an_answer(serve: Serve, engine: Engine, ca_file: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()

    server = serve(script)
    call = Call(server.url, ca_file=ca_file)
    assert str(fail(engine, call)) == (
        f"127.0.0.1:{server.port} closed the connection without an answer; the request may have been carried out"
    )
    assert (call.sent, call.requested) == (True, 1)


def test_body_without_a_length_that_somebody_cut_off_is_no_answer(serve: Serve, engine: Engine, ca_file: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\nwho knows whether that is all")
        connection.reset()

    error = fail(engine, Call(serve(script).url, ca_file=ca_file))
    assert "closed the connection in the middle of its answer" in str(error)


GARBAGE = {
    "no HTTP": b"220 mail.example.org ESMTP\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X-More: 1\r\n" * 100_000,
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_instead_of_a_response(serve: Serve, engine: Engine, kind: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(GARBAGE[kind])
        await connection.closed()

    server = serve(script, tls="")
    call = Call(server.url)
    assert re.fullmatch(
        rf"127\.0\.0\.1:{server.port} sent what is not an HTTP response: .+; "
        r"check that the URL is that of an HTTP service",
        str(fail(engine, call)),
    )
    assert call.sent


def test_another_protocol_is_named_as_such(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(GARBAGE["another protocol"])

    assert ": it switches to another protocol; " in str(fail(engine, Call(serve(script, tls="").url)))


def test_body_too_large_to_keep(serve: Serve, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lithops.serverless.http.reader.LONGEST_BODY", 100_000)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.answer(bytes(100_001))
        await connection.closed()

    assert "more than 100000 bytes of a body" in str(fail(engine, Call(serve(script, tls="").url)))


def test_answer_that_does_not_come_in_time(serve: Serve, engine: Engine, ca_file: str) -> None:
    server = serve(Connection.closed)
    began = time.monotonic()
    call = Call(server.url, limit_s=0.3, ca_file=ca_file)
    error = fail(engine, call)
    assert 0.3 <= time.monotonic() - began < LIMIT_S / 4
    assert str(error) == (
        f"127.0.0.1:{server.port} did not answer in time; it may still be at work, or need a longer timeout"
    )
    assert (error.lasting, call.sent) == (False, True)


def test_answer_that_trickles_in_has_the_same_deadline(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(HALF)
        await connection.closed()

    assert "did not answer in time" in str(fail(engine, Call(serve(script, tls="").url, limit_s=0.3)))


def test_request_that_cannot_be_sent_in_time(serve: Serve, make_engine: MakeEngine) -> None:
    server = serve(Connection.closed, tls="")
    engine = make_engine(connections=1)
    first, second = Call(server.url), Call(server.url, limit_s=0.3)
    engine.send([first, second])
    assert str(second.error()) == "nothing was sent to the platform in time: all 1 connections were in use"
    assert (second.sent, second.requested) == (False, 0)


def test_request_whose_time_is_over_is_not_sent(serve: Serve, engine: Engine) -> None:
    server = serve(tls="")
    call = Call(server.url, limit_s=-1)
    assert "in time" in str(fail(engine, call))
    assert (call.sent, call.requested, server.accepted) == (False, 0, 0)


def test_failure_of_making_the_request_is_handed_on(engine: Engine) -> None:
    class Unwritten(Call):
        def request(self) -> object:  # type: ignore[override]
            raise KeyError("no credentials")

    call = Unwritten("https://example.org")
    engine.send([call])
    assert repr(call.error()) == "KeyError('no credentials')"
    assert call.sent is False


def test_without_the_parser_it_is_said_what_to_install() -> None:
    program = """
import sys
sys.modules["httptools"] = None
import threading, time
from lithops.serverless.http.engine import Engine
from lithops.types import HttpRequest

class Call:
    deadline = time.monotonic() + 60
    def request(self): return HttpRequest(url="https://example.org")
    def failed(self, error, sent): print(sent, error.lasting, error); ended.set()

ended = threading.Event()
engine = Engine(connections=1)
engine.send([Call()])
assert ended.wait(60)
engine.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stdout == (
        "False True no request can be sent: httptools, which reads responses, is not installed; "
        "run: pip install 'lithops-core[serverless]'\n"
    )
