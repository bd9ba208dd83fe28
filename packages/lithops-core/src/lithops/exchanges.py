"""The records of backends that are reached by HTTP: names of `lithops.types`, which loads them when one is touched."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from lithops.records import field, record
from lithops.types import Cause


@record
class HttpRequest:
    """One request, as a backend wants it sent."""

    url: str
    """`https://host[:port]/path[?query]`, or `http://` for a server on this machine."""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All but `Host` and `Content-Length`, which are filled in. May hold credentials, so it is never shown."""
    method: str = "POST"
    ca_file: str | None = None
    """Certificates to trust, in PEM, instead of the system's."""


@record
class HttpResponse:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of a name that came twice, the last."""
    body: bytes


class Fate(enum.StrEnum):
    """What a response says of an activation."""

    ANSWERED = "answered"
    """It has run, and `body` is what the worker said."""
    ACCEPTED = "accepted"
    """The platform will run it; the worker's report comes through the store."""
    THROTTLED = "throttled"
    """Not now: the same request may do later."""
    LOST = "lost"
    """It died, or nobody knows what became of it."""
    REFUSED = "refused"
    """The platform will not run it, however often it is asked."""


@record
class Outcome:
    """A response, understood."""

    fate: Fate
    body: bytes = b""
    """ANSWERED: what `lithops.remote.handler.Handler.handle` returned."""
    backend_ref: str = ""
    """What the platform calls the activation, JSON-able; for logs and the journal."""
    billed_ms: int | None = None
    retry_after_s: float | None = None
    """THROTTLED: when to come back, if the platform says so."""
    cause: Cause = Cause.UNREACHABLE
    """LOST: what took it down."""
    detail: str = ""
    error: Exception | None = None
    """REFUSED: what the calls fail with."""
