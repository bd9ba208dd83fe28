"""Responses of all shapes arrive whole."""

from __future__ import annotations

import pytest

from lithops.serverless.http.engine import Engine

from .conftest import Call, Connection, Serve


@pytest.mark.parametrize("tls", ["", "127.0.0.1"], ids=["plain", "TLS"])
@pytest.mark.parametrize("size", [0, 1, 1500, 300_000, 8_000_000])
def test_bodies_of_every_size_travel_both_ways(serve: Serve, engine: Engine, ca_file: str, tls: str, size: int) -> None:
    call = Call(serve(tls=tls).url, bytes(range(250)) * (size // 250) + b"x" * (size % 250), ca_file=ca_file)
    engine.send([call])
    response = call.response()
    assert response.status == 200
    assert response.body == call.request().body


def test_request_has_all_that_it_needs(serve: Serve, engine: Engine) -> None:
    heads = []

    async def script(connection: Connection) -> None:
        head, _ = await connection.request()
        heads.append(head)
        await connection.answer()

    server = serve(script, tls="")
    call = Call(f"{server.url}?a=b%20c#part", b"four", headers={"X-Name": "a value"}, method="PUT")
    engine.send([call])
    call.response()
    assert heads == [
        f"PUT /run?a=b%20c HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Name: a value\r\nContent-Length: 4\r\n\r\n"
    ]


def test_names_of_headers_arrive_in_lower_case_and_the_last_of_a_name_counts(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.answer(b"", "X-One: 1", "x-two: A", "X-TWO: b", "X-Empty:", status="503 No")

    call = Call(serve(script, tls="").url)
    engine.send([call])
    response = call.response()
    assert response.status == 503
    assert response.headers == {"content-length": "0", "x-one": "1", "x-two": "b", "x-empty": ""}


RESPONSES = {
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde"),
    "with a trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Late: 1\r\n\r\n",
        b"a",
    ),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc"),
    "without headers": (b"HTTP/1.1 200\r\n\r\n", b""),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    "without content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "after others that only announce it": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
        b"ab",
    ),
    "closing": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", b"ab"),
}


@pytest.mark.parametrize("tls", ["", "127.0.0.1"], ids=["plain", "TLS"])
@pytest.mark.parametrize("pieces", [1, 1000], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("shape", RESPONSES)
def test_response_is_read_in_every_shape(
    serve: Serve, engine: Engine, ca_file: str, shape: str, pieces: int, tls: str
) -> None:
    data, body = RESPONSES[shape]

    async def script(connection: Connection) -> None:
        await connection.request()
        step = max(1, len(data) // pieces)
        for start in range(0, len(data), step):
            await connection.send(data[start : start + step])
        connection.close()

    call = Call(serve(script, tls=tls).url, ca_file=ca_file)
    engine.send([call])
    response = call.response()
    assert response.body == body
    assert not {"x-early", "x-late"} & set(response.headers)


def test_answer_to_head_has_no_body_whatever_its_headers_say(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
        await connection.closed()

    call = Call(serve(script, tls="").url, b"", method="HEAD")
    engine.send([call])
    assert call.response().headers == {"content-length": "7"}


def test_answer_before_the_whole_request_was_taken_counts(serve: Serve, engine: Engine) -> None:
    async def script(connection: Connection) -> None:
        await connection.answer(b"too large", status="413 Content Too Large")
        await connection.closed()

    call = Call(serve(script, tls="").url, b"x" * 50_000_000)
    engine.send([call])
    assert call.response().status == 413
