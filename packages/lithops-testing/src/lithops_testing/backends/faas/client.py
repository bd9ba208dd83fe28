"""The control plane of the service: functions, as JSON over HTTPS."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lithops.errors import BackendError, InputTooLargeError, ThrottledError, TransportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops_testing.backends.faas.config import ServiceConfig

TIMEOUT_S = 30.0
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_KINDS = {413: InputTooLargeError, 429: ThrottledError, 500: TransportError, 503: TransportError}
"""Errors by status, of those that more can be done about than to read them."""


class Client:
    """Asks one thing after the other, each over a connection of its own; safe to share between threads."""

    def __init__(self, config: ServiceConfig) -> None:
        self._place = urlsplit(config.endpoint)
        self._token = config.token
        self._ca_file = config.ca_file

    def function(self, name: str) -> dict[str, Any] | None:
        """Describe a function, None if there is none of this name."""
        return self._ask("GET", f"/functions/{name}")

    def functions(self) -> list[dict[str, Any]]:
        """Describe all functions."""
        return list((self._ask("GET", "/functions") or {}).get("functions", ()))

    def events(self, names: Sequence[str]) -> list[dict[str, str]]:
        """Describe invocations whose answers are not waited for."""
        return list((self._ask("POST", "/events", {"names": list(names)}) or {}).get("events", ()))

    def start_array(self, function: str, name: str, size: int, body: bytes) -> None:
        """Start an array; harmless when repeated under the same name."""
        self._ask("POST", f"/functions/{function}/arrays", body, {"Idempotency-Key": name, "X-Array-Size": str(size)})

    def array(self, name: str) -> list[dict[str, Any]]:
        """Describe the activations of an array; none if it is not known, or not yet."""
        return list((self._ask("GET", f"/arrays/{name}") or {}).get("states", ()))

    def cancel_array(self, name: str, indexes: Sequence[int]) -> None:
        """End activations of an array."""
        self._ask("POST", f"/arrays/{name}/cancel", {"indexes": list(indexes)})

    def put(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """Make a function, or leave the one that is the same already."""
        return self._ask("PUT", f"/functions/{name}", spec) or {}

    def delete(self, name: str) -> None:
        """Remove a function; one that is not there is success."""
        self._ask("DELETE", f"/functions/{name}")

    def _ask(
        self, method: str, path: str, body: object = None, more: Mapping[str, str] = _NO_HEADERS
    ) -> dict[str, Any] | None:
        """Return the answer, None if there is no such thing.

        Raises `ThrottledError` for what may be asked again later, `BackendError`, or `TransportError`.
        """
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", **more}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        try:
            connection = self._connection()
            try:
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                status, answer = response.status, response.read()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(
                f"{method} {path} of the service at {self._place.netloc} failed: {str(error) or type(error).__name__}; is "
                "`endpoint` right, and does `ca_file` hold its certificate?"
            ) from error
        if status == 404:
            return None
        if status in (401, 403):
            raise BackendError(
                f"the service at {self._place.netloc} does not let {method} {path} in ({status}); is `token` right?"
            )
        try:
            said = json.loads(answer)
        except ValueError:
            said = None
        if status not in (200, 202) or not isinstance(said, dict):
            message = said.get("message") if isinstance(said, dict) else f"{len(answer)} bytes that are no JSON object"
            kind = _KINDS.get(status, BackendError)
            raise kind(f"the service at {self._place.netloc} answered {method} {path} with {status}: {message}")
        return said

    def _connection(self) -> http.client.HTTPConnection:
        host, port = str(self._place.hostname), self._place.port
        if self._place.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        context = ssl.create_default_context(cafile=self._ca_file)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
