"""A server whose connections do what a test says, and exchanges that remember what became of them."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from lithops.serverless.http.engine import Engine
from lithops.types import HttpRequest, HttpResponse

LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def _heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `caplog` see what is logged, whatever an executor of another test has set."""
    log = logging.getLogger("lithops")
    monkeypatch.setattr(log, "propagate", True)
    monkeypatch.setattr(log, "level", logging.NOTSET)


class Connection:
    """One connection, as its server sees it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        """Counted from 0 in the order of being accepted."""
        self._reader = reader
        self._writer = writer

    async def request(self) -> tuple[str, bytes]:
        """Return head and body of the next request; raises IncompleteReadError when there is none."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        return head, await self._reader.readexactly(length)

    async def hello(self) -> None:
        """Read the beginning of a handshake, unencrypted."""
        await self._reader.readexactly(100)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, body: bytes = b"", *headers: str, status: str = "200 OK") -> None:
        """Send a response."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        await self.send("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body)

    async def closed(self) -> None:
        """Wait until the other side closes, reading what it may send."""
        while await self._reader.read(65536):
            continue

    def close(self) -> None:
        """Close, after what was sent."""
        self._writer.close()

    def reset(self) -> None:
        """Break off: neither TLS nor what waits to be sent gets a last word."""
        self._writer.transport.abort()


Script = Callable[[Connection], Awaitable[None]]


async def echo(connection: Connection) -> None:
    """Answer each request with its body."""
    while True:
        _, body = await connection.request()
        await connection.answer(body)


class Server:
    """Listens on this machine, on a thread of its own."""

    def __init__(self, script: Script, context: ssl.SSLContext | None) -> None:
        self.accepted = 0
        self.open = 0
        self.most_open = 0
        self._script = script
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(LIMIT_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context, backlog=4096)
        self.port: int = server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self._context else ''}://127.0.0.1:{self.port}/run"
        self._up.set()
        await self._stop.wait()
        server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.accepted
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with suppress(asyncio.IncompleteReadError, OSError, ssl.SSLError, asyncio.CancelledError):
            await self._script(Connection(number, reader, writer))
        self.open -= 1
        writer.transport.abort()

    def call(self, function: Callable[[], object]) -> None:
        """Have something done on the server's thread."""
        self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """Close everything; harmless when repeated."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(LIMIT_S)


class Call:
    """An exchange that remembers how it ended."""

    def __init__(self, url: str, body: bytes = b"x", *, limit_s: float = LIMIT_S, **more: object) -> None:
        self.deadline = time.monotonic() + limit_s
        self.requested = 0
        self.ends: list[HttpResponse | Exception] = []
        self.sent: bool | None = None
        self.thread: int | None = None
        self._request = HttpRequest(url=url, body=body, **more)  # type: ignore[arg-type]
        self._ended = threading.Event()

    def request(self) -> HttpRequest:
        self.requested += 1
        return self._request

    def answered(self, response: HttpResponse) -> None:
        self._end(response)

    def failed(self, error: Exception, sent: bool) -> None:
        self.sent = sent
        self._end(error)

    def _end(self, end: HttpResponse | Exception) -> None:
        self.ends.append(end)
        self.thread = threading.get_ident()
        self._ended.set()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def response(self) -> HttpResponse:
        """Wait for the response."""
        assert self._ended.wait(LIMIT_S), "neither response nor failure"
        (end,) = self.ends
        assert isinstance(end, HttpResponse), end
        return end

    def error(self) -> Exception:
        """Wait for the failure."""
        assert self._ended.wait(LIMIT_S), "neither response nor failure"
        (end,) = self.ends
        assert isinstance(end, Exception), end
        return end


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


Serve = Callable[..., Server]


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Serve]:
    """Start servers; `tls` is the host that their certificate is for, "" for none."""
    servers = []

    def start(script: Script = echo, tls: str = "127.0.0.1") -> Server:
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(tls).configure_cert(context)
        servers.append(Server(script, context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine() -> Iterator[MakeEngine]:
    engines = []

    def make(connections: int = 16, after_turn: Callable[[], None] | None = None) -> Engine:
        engines.append(Engine(connections=connections, after_turn=after_turn))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(make_engine: MakeEngine) -> Engine:
    return make_engine()
