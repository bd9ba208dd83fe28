"""HTTP/1.1 as a server speaks it: one request after the other on each connection, kept alive."""

from __future__ import annotations

import asyncio
import http
import json
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import httptools

from lithops.records import field, record

if TYPE_CHECKING:
    from lithops_testing.service.service import Service

PIECES = 20
"""In how many a slow body comes."""
PIECE_BYTES = 256 * 1024
"""Of any other body; the next is written when the client has taken most of what was."""


@record
class Request:
    """A request, whole."""

    method: str
    path: str
    """As it came, percent signs and all."""
    query: str
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
    """Left out where HEAD was asked for; its length is told."""
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


class Connection(asyncio.Protocol):
    """One connection. What is beyond the service's `most_bytes` of a body is read and thrown away."""

    def __init__(self, service: Service[Any, Any], open_: set[Connection]) -> None:
        self._service = service
        self._open = open_
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._sending: _Sending | None = None
        self._full = False
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
        self._service.counters.connections += 1
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
        self._send()

    def pause_writing(self) -> None:
        """Wait: the client does not take what is written as fast as it is."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on."""
        self._full = False
        self._send()

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
        if self._size - len(body) < self._service.most_bytes:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, once what came before is answered."""
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            query=query,
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
            self._service.serve(request, partial(self._reply, request))

    def _reply(self, request: Request, answer: Answer) -> None:
        body = memoryview(b"" if request.method == "HEAD" else answer.body)
        if answer.sent > 0:
            self._sending = _Sending(request, answer, body)
            self._send()
        else:
            self._end(request, answer)

    def _send(self) -> None:
        """Send as much of the answer as the client takes; the rest when it takes more."""
        sending = self._sending
        if sending is None or sending.resting:
            return
        while self._transport is not None and not self._full and not sending.done:
            self._transport.write(sending.next())
            if sending.pause_s > 0 and not sending.done:
                sending.resting = True
                asyncio.get_running_loop().call_later(sending.pause_s, self._send_on, sending)
                return
        if self._transport is None or sending.done:
            self._sending = None
            self._end(sending.request, sending.answer)

    def _send_on(self, sending: _Sending) -> None:
        sending.resting = False
        self._send()

    def _end(self, request: Request, answer: Answer) -> None:
        if answer.sent < 1 or request.headers.get("connection", "").lower() == "close":
            self._close()
        self._next()

    def _close(self) -> None:
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()


class _Sending:
    """An answer on its way out."""

    def __init__(self, request: Request, answer: Answer, body: memoryview) -> None:
        slow = answer.slow_s > 0
        self.request = request
        self.answer = answer
        self.resting = False
        """Whether a slow body pauses."""
        self._step = len(body) // PIECES + 1 if slow else PIECE_BYTES
        self.pause_s = answer.slow_s * self._step / len(body) if slow and body else 0.0
        """Before each piece."""
        first = 0 if slow else self._step
        body = body[: int(len(body) * answer.sent)]
        self._next: bytes | memoryview = _head(answer) + body[:first]
        self._rest = body[first:]
        self.done = False

    def next(self) -> bytes | memoryview:
        """Return what is to be written next."""
        piece = self._next
        self._next, self._rest = self._rest[: self._step], self._rest[self._step :]
        self.done = not self._next
        return piece


def _head(answer: Answer) -> bytes:
    try:
        reason = http.HTTPStatus(answer.status).phrase
    except ValueError:
        reason = "Other"
    lines = [f"HTTP/1.1 {answer.status} {reason}", f"Content-Length: {len(answer.body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
