"""Responses from bytes, one after the other, as the parser finds their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.serverless.http.failures import failure
from lithops.types import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_HEAD = 256 * 1024
LONGEST_BODY = 512 * 1024 * 1024
"""Bytes of headers and of a body that are kept: beyond any platform's limit, below what would take this process down."""


class UnreadableError(Exception):
    """What came is no response, or more than is taken."""


def load_parser() -> Callable[[object], Any]:
    """Return the class of the parser.

    Raises: TransportError, lasting, if it is not installed.
    """
    try:
        from httptools import HttpResponseParser  # an extra: nobody needs it who runs on this machine only
    except ImportError as error:
        raise failure(
            "no request can be sent: httptools, which reads responses, is not installed; "
            "run: pip install 'lithops-core[serverless]'",
            lasting=True,
        ) from error
    return HttpResponseParser


class Reader:
    """The responses of one connection."""

    __slots__ = (
        "_body",
        "_bodyless",
        "_head",
        "_headers",
        "_open_end",
        "_parser",
        "_size",
        "begun",
        "response",
        "reusable",
        "surplus",
    )

    def __init__(self, parser: Callable[[object], Any]) -> None:
        self._parser = parser(self)
        self.expect()

    def expect(self, *, bodyless: bool = False) -> None:
        """Get ready for the next response; that to HEAD has no body, whatever its headers promise."""
        self._bodyless = bodyless
        self.begun = False
        """Whether anything has come in since."""
        self.response: HttpResponse | None = None
        """There once it is complete."""
        self.reusable = False
        """Whether the connection may carry another request after it."""
        self.surplus = False
        """Whether more came than was promised."""
        self._restart()

    def _restart(self) -> None:
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head = True
        self._open_end = False
        self._size = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Read what came in.

        Raises: UnreadableError if it is no response.
        """
        self.begun = True
        try:
            self._parser.feed_data(data)
        except Exception as error:  # the parser's errors, and those of the methods that it calls
            if self.response is not None:
                self.surplus = True
            else:
                raise UnreadableError(str(error.__context__ or error)) from error

    def end(self) -> None:
        """Take it that nothing more comes, which completes a body without a length."""
        if self.response is None and not self._head and self._open_end:
            self._complete(reusable=False)

    # called by the parser

    def on_message_begin(self) -> None:
        """See whether anybody waits for it."""
        if self.response is not None:
            self.surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, unless it comes after the body."""
        self._grow(len(name) + len(value), LONGEST_HEAD)
        if self._head:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """See whether the end of the body is marked."""
        if self._parser.get_status_code() == 101:
            raise UnreadableError("it switches to another protocol")
        coding = self._headers.get("transfer-encoding")
        self._open_end = "content-length" not in self._headers if coding is None else "chunked" not in coding.lower()
        self._head = False
        self._size = 0
        if self._bodyless and self._parser.get_status_code() >= 200:
            self._complete(reusable=False)  # the parser goes on to wait for the body

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._grow(len(data), LONGEST_BODY)
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Finish the response, unless it only announces another."""
        if self.response is not None:
            return
        if 100 <= self._parser.get_status_code() < 200:
            self._restart()
        else:
            self._complete(reusable=self._parser.should_keep_alive())

    def _complete(self, *, reusable: bool) -> None:
        status, body = self._parser.get_status_code(), self._body
        self.response = HttpResponse(
            status=status, headers=self._headers, body=body[0] if len(body) == 1 else b"".join(body)
        )
        self.reusable = reusable

    def _grow(self, size: int, limit: int) -> None:
        self._size += size
        if self._size > limit:
            raise UnreadableError(f"more than {limit} bytes of {'headers' if self._head else 'a body'}")
