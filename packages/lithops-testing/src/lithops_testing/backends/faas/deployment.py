"""The functions of an owner at the service: made, found again, removed."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lithops.bundle.archive import zipped
from lithops.bundle.contents import collect
from lithops.errors import BackendError
from lithops.types import CleanReport, RuntimeMeta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import CleanScope, RuntimeRequest
    from lithops_testing.backends.faas.client import Client
    from lithops_testing.backends.faas.config import ServiceConfig

ACTIVE_S = 120.0
"""How long a new function may take to become active."""
LONGEST_PAUSE_S = 2.0
MADE_BY = "lithops"


class Deployment:
    """The function that runs activations of one executor, kept for the next one that needs the same."""

    def __init__(self, config: ServiceConfig, client: Client, entry_point: str) -> None:
        """`entry_point` is what the service calls with each request."""
        self._config = config
        self._client = client
        self._entry_point = entry_point
        self.name = ""
        """Of the function, once it is there."""

    def ready(self, request: RuntimeRequest) -> RuntimeMeta:
        """Make the function, unless it is there, and wait until it can be invoked."""
        python = sys.version_info[:2]
        spec = self._spec(python, request.packages)
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        name = f"lithops-{digest[:20]}"  # whatever matters is in it, so what has the name is what is wanted
        function = self._client.function(name) or self._client.put(name, spec)
        deadline, pause_s = time.monotonic() + ACTIVE_S, 0.05
        while function.get("state") != "Active":
            if time.monotonic() >= deadline:
                raise BackendError(
                    f"function {name!r} is {function.get('state')!r} after {ACTIVE_S:g} s, not 'Active'; look at it in the "
                    "console of the service, or remove it with 'lithops clean --all' and try again"
                )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            function = self._client.function(name) or {"state": "Gone"}
        self.name = name
        return RuntimeMeta(
            python=python,
            description=f"{name} (Python {python[0]}.{python[1]}, {self._config.runtime_memory} MB)",
            shares_files=urlsplit(self._config.endpoint).hostname in ("127.0.0.1", "localhost", "::1"),
        )

    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove the functions of this owner, which are kept between jobs."""
        if not scope.everything:
            return CleanReport()
        ours = [function["name"] for function in self._client.functions() if function.get("tags") == self._tags()]
        for name in ours:
            self._client.delete(name)
        return CleanReport(removed=tuple(f"function {name!r}" for name in ours))

    def _tags(self) -> dict[str, str]:
        return {"managed-by": MADE_BY, "owner": self._config.owner}

    def _spec(self, python: tuple[int, int], packages: Sequence[str]) -> dict[str, Any]:
        config = self._config
        return {
            "archive": base64.b64encode(zipped(collect("lithops_testing", *packages))).decode(),
            "entry_point": self._entry_point,
            "python": f"{python[0]}.{python[1]}",
            "memory_mb": config.runtime_memory,
            "timeout_s": config.runtime_timeout,
            "environment": {**config.environment, "LITHOPS_WORKER_PROCESSES": str(config.worker_processes)},
            "tags": self._tags(),
        }
