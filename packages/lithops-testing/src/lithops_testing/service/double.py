"""A service as tests hold it: a process that is started here and ends with this one, whatever ends it."""

from __future__ import annotations

import http.client
import json
import select
import ssl
import subprocess
import sys
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

START_S = 30.0
REQUEST_S = 60.0


class Double:
    """A running service. Several threads may use it.

    A subclass names the package that is run; keywords are fields of the `Settings` in it.
    """

    package: ClassVar[str]

    def __init__(self, **settings: object) -> None:
        options = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.package, "--until-eof", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        heard, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if heard else b""
        if not line:
            self.close()
            raise RuntimeError(f"the service did not start with {settings!r}; what it says is on standard error")
        said = json.loads(line)
        self.endpoint: str = said["endpoint"]
        self.ca_file: str = said["ca_file"]
        self.token_file: str = said["token_file"]
        self.token = SecretStr(said["token"])

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def config(self) -> dict[str, object]:
        """What the section of a backend needs to reach it, in plain values."""
        return {"endpoint": self.endpoint, "token": self.token.get_secret_value(), "ca_file": self.ca_file}

    def inject(self, **faults: object) -> None:
        """Set the faults, and no others; without any, nothing goes wrong any more.

        Keywords are fields of `Faults` in its package: a number is a probability, a dict a `Fault`.
        """
        told = {k: {"probability": v} if isinstance(v, int | float) else v for k, v in faults.items()}
        self.ask("PUT", "/admin/faults", told)

    def configure(self, **settings: object) -> None:
        """Change settings."""
        self.ask("PATCH", "/admin/settings", settings)

    def counters(self) -> dict[str, Any]:
        """Return the fields of `Counters` in its package, and `faults` by name."""
        return self.ask("GET", "/admin/counters")

    def outage(self, seconds: float) -> None:
        """Cut all connections and refuse new ones for a while."""
        self.ask("POST", "/admin/outage", {"seconds": seconds})

    def reset(self) -> None:
        """Make it as it was at its start: empty, without faults, counting from zero."""
        self.ask("POST", "/admin/reset")

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send one request and return the JSON object of its answer; raises `RuntimeError` for all but 200."""
        place = urlsplit(self.endpoint)
        context = ssl.create_default_context(cafile=self.ca_file)
        connection = http.client.HTTPSConnection(str(place.hostname), place.port, timeout=REQUEST_S, context=context)
        try:
            headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
            connection.request(method, path, b"" if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the service answered {method} {path} with {answer.status}: {said.get('message')}")
        return said

    def close(self) -> None:
        """End it and wait until it is gone, with all that it runs; idempotent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
