"""HTTP/1.1 as a server speaks it: one request after the other on each connection, kept alive."""

from __future__ import annotations

import asyncio
import http
import json
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

import httptools

from lithops.records import field, record

if TYPE_CHECKING:
    from lithops_testing.faas.counters import Counters

PIECES = 20
"""In how many a slow body comes."""


@record
class Request:
    """A request, whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Cut after the most bytes that are read; see `size_bytes`."""
    size_bytes: int


@record
class Answer:
    """What goes back, and how badly."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    slow_s: float = 0.0
    """The body takes so long."""
    sent: float = 1.0
    """How much of the body is sent before the connection is cut; 0: not even the head."""


def json_answer(status: int, headers: Mapping[str, str] | None = None, /, **values: object) -> Answer:
    """Return an answer whose body is a JSON object."""
    kind = {"Content-Type": "application/json"}
    return Answer(status=status, body=json.dumps(values).encode(), headers={**kind, **(headers or {})})


Reply = Callable[[Answer], None]
Serve = Callable[[Request, Reply], None]
"""Takes a request and returns at once; replies when there is an answer."""


class Connection(asyncio.Protocol):
    """One connection. What is beyond `most_bytes` of a body is read and thrown away."""

    def __init__(self, serve: Serve, most_bytes: Callable[[], int], counters: Counters, open_: set[Connection]) -> None:
        self._serve = serve
        self._most_bytes = most_bytes
        self._counters = counters
        self._open = open_
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self._begin()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note."""
        self._transport = cast("asyncio.Transport", transport)
        self._counters.connections += 1
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse what came; whole requests go to `on_message_complete`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                answer = json_answer(400, error="bad_request", message="this is not HTTP/1.1")
                self._transport.write(_head(answer) + answer.body)
            self._close()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it. What runs, runs on: the client has gone, the work has not."""
        self._transport = None
        self._open.discard(self)

    # --- httptools

    def on_message_begin(self) -> None:
        """Expect a request."""
        self._begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        if name.lower() == b"expect" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._size += len(body)
        if self._size - len(body) < self._most_bytes():
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, once what came before is answered."""
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=self._url.decode("latin-1").partition("?")[0],
            headers=self._headers,
            body=b"".join(self._body),
            size_bytes=self._size,
        )
        self._waiting.append(request)
        if not self._busy:
            self._next()

    # --- ours

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def _next(self) -> None:
        """Have the next request answered."""
        self._busy = bool(self._waiting)
        if self._waiting:
            request = self._waiting.popleft()
            self._serve(request, partial(self._reply, request))

    def _reply(self, request: Request, answer: Answer) -> None:
        if self._transport is not None and answer.sent > 0:
            first = len(answer.body) // PIECES if answer.slow_s > 0 else int(len(answer.body) * answer.sent)
            self._transport.write(_head(answer) + answer.body[:first])
            if answer.slow_s > 0:
                self._dribble(request, answer, first)
                return
        self._end(request, answer)

    def _dribble(self, request: Request, answer: Answer, at: int) -> None:
        """Send another piece of a slow body, from byte `at` on, after a pause."""
        rest = int(len(answer.body) * answer.sent) - at
        if self._transport is None or rest <= 0:
            self._end(request, answer)
            return
        step = min(rest, len(answer.body) // PIECES + 1)

        def send() -> None:
            if self._transport is not None:
                self._transport.write(answer.body[at : at + step])
            self._dribble(request, answer, at + step)

        asyncio.get_running_loop().call_later(answer.slow_s * step / len(answer.body), send)

    def _end(self, request: Request, answer: Answer) -> None:
        if answer.sent < 1 or request.headers.get("connection", "").lower() == "close":
            self._close()
        self._next()

    def _close(self) -> None:
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()


def _head(answer: Answer) -> bytes:
    try:
        reason = http.HTTPStatus(answer.status).phrase
    except ValueError:
        reason = "Other"
    lines = [f"HTTP/1.1 {answer.status} {reason}", f"Content-Length: {len(answer.body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
