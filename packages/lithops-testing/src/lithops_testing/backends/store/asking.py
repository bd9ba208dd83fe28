"""One request of the store and its answer: repeated while it may help, and understood."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from lithops.errors import (
    AccessDenied,
    BucketNotFound,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StorageUnavailable,
)
from lithops.records import field, record
from lithops_testing.backends.store.connections import Connections

if TYPE_CHECKING:
    from lithops_testing.backends.store.connections import Connection
    from lithops_testing.backends.store.identity import Identity

TRIES = 4
FIRST_PAUSE_S = 0.02
"""Before the second try; it doubles. Who can wait longer asks again."""
TRANSIENT = frozenset({429, 500, 502, 503, 504})
BROKEN = (OSError, http.client.HTTPException)
"""What a connection that is cut, refused or garbled raises."""


@record
class Question:
    """A request. All that the store is asked may be asked again: writes have names, by which they know themselves."""

    doing: str
    """For messages, after `cannot`."""
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | memoryview | Iterable[bytes] = b""
    """What is neither bytes nor memoryview can be sent only once."""
    streams: bool = False
    """Whether an object that is answered with is not read, but left to who asks."""

    @property
    def once(self) -> bool:
        """Whether it cannot be repeated."""
        return not isinstance(self.body, bytes | memoryview)


@record
class Answer:
    """What the store said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    rest: tuple[Connection, http.client.HTTPResponse] | None
    """An object, not read yet."""


def _is_ok(answer: Answer) -> bool:
    return answer.status == 200


class Asker:
    """Asks one store. Threads may share it."""

    def __init__(self, endpoint: str, ca_file: str | None, identity: Identity) -> None:
        self._endpoint = endpoint
        self._identity = identity
        self.connections = Connections(endpoint, ca_file)

    def ask(self, question: Question, expected: Callable[[Answer], bool] = _is_ok) -> Answer:
        """Return an answer that is as expected, by default 200.

        Raises `StorageError`, the one that stands for what was answered.
        """
        headers = {**question.headers, "Authorization": f"Bearer {self._identity.token()}"}
        if question.once:
            headers["Transfer-Encoding"] = "chunked"
        tries = 1 if question.once else TRIES
        for number in range(tries):
            if number:
                time.sleep(FIRST_PAUSE_S * 2 ** (number - 1) * (0.5 + random.random() / 2))  # noqa: S311 - jitter
            try:
                answer = self._once(question, headers)
            except ssl.SSLCertVerificationError as error:
                raise StorageError(
                    f"cannot {question.doing}: the store at {self._endpoint} cannot be trusted: {error.verify_message}; "
                    "does `ca_file` hold its certificate?"
                ) from error
            except BROKEN as error:
                failure: StorageError = self._unreachable(question, error)
                failure.__cause__ = error
                continue
            if expected(answer):
                return answer
            failure = self._failure(question, answer)
            if answer.status not in TRANSIENT:
                break
        raise failure

    def _once(self, question: Question, headers: Mapping[str, str]) -> Answer:
        connection, response = self._sent(question, headers)
        try:
            told = {name.lower(): value for name, value in response.getheaders()}
            if question.streams and response.status in (200, 206):
                return Answer(status=response.status, headers=told, body=b"", rest=(connection, response))
            body = response.read()
        except BaseException:
            connection.close()
            raise
        self.connections.give_back(connection)
        return Answer(status=response.status, headers=told, body=body, rest=None)

    def _sent(self, question: Question, headers: Mapping[str, str]) -> tuple[Connection, http.client.HTTPResponse]:
        """Send a request and return the head of the answer; a connection that was kept too long is replaced."""
        while True:
            connection, kept = (self.connections.fresh(), False) if question.once else self.connections.take()
            try:
                connection.request(question.method, question.path, question.body, headers, encode_chunked=question.once)
                return connection, connection.getresponse()
            except BROKEN:
                connection.close()
                if not kept:
                    raise
            except BaseException:
                connection.close()
                raise

    def _unreachable(self, question: Question, error: Exception) -> StorageUnavailable:
        why = str(error) or type(error).__name__
        advice = "a body that is a stream is sent once, so put it again" if question.once else "is `endpoint` right?"
        return StorageUnavailable(
            f"cannot {question.doing}: the store at {self._endpoint} does not answer: {why}; {advice}"
        )

    def _failure(self, question: Question, answer: Answer) -> StorageError:
        """Return the error that stands for an answer."""
        status, code = answer.status, answer.headers.get("x-error", "")
        store = f"the store at {self._endpoint}"
        message = self._message(answer)
        head = f"cannot {question.doing}"
        if status in TRANSIENT:
            return StorageUnavailable(f"{head}: {store} answers {status}: {message}; try again later")
        if status in (401, 403):
            return AccessDenied(f"{head}: {store} does not allow it ({status}): {message}; is `token` right?")
        if code == "no_bucket":
            return BucketNotFound(f"{head}: there is no such bucket in {store}; make it with create_bucket")
        if code == "no_object":
            return ObjectNotFound(f"{head}: there is no such object in {store}")
        if status == 412:
            return PreconditionFailed(f"{head}: {message}; read it again, or use another key")
        return StorageError(f"{head}: {store} answers {status}: {message}")

    def _message(self, answer: Answer) -> str:
        try:
            message = str(json.loads(answer.body)["message"])
        except (ValueError, KeyError, TypeError):
            message = answer.headers.get("x-error") or "without a message"
        return message.replace(self._identity.token(), "***")
