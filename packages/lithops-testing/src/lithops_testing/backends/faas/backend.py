"""What the hooks do."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lithops.bundle.archive import zipped
from lithops.bundle.contents import collect
from lithops.errors import BackendError
from lithops.types import ActivationState, CleanReport, HttpRequest, Lane, Limits, RuntimeMeta
from lithops_testing.backends.faas.answers import Answers, state_of
from lithops_testing.backends.faas.client import Client

if TYPE_CHECKING:
    from lithops.types import Activation, CleanScope, HttpResponse, Outcome, Receipt, RuntimeRequest
    from lithops_testing.backends.faas.config import FaasDoubleConfig

ENTRY_POINT = "lithops_testing.backends.faas.entry_point:handle"
ACTIVE_S = 120.0
"""How long a new function may take to become active."""
LONGEST_PAUSE_S = 2.0
CALLS_PER_ACTIVATION = 256
MADE_BY = "lithops"


class Backend:
    """One executor's view of the service."""

    def __init__(self, config: FaasDoubleConfig) -> None:
        self._config = config
        self._client = Client(config)
        self._answers = Answers(config.token)
        self._headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
        self._event_headers = {**self._headers, "X-Invocation-Type": "event"}
        self._url = ""

    def limits(self) -> Limits:
        """Say what the service takes. A call ends a little before its environment is ended, so that it can tell."""
        config = self._config
        return Limits(
            calls_per_activation=CALLS_PER_ACTIVATION,
            in_flight=config.max_workers,
            parallel_calls=config.max_workers * config.worker_processes,
            request_bytes=config.request_bytes,
            response_bytes=config.response_bytes,
            queued_bytes=config.event_bytes,
            longest_s=config.runtime_timeout - min(1.0, config.runtime_timeout / 10),
        )

    def deploy(self, request: RuntimeRequest) -> RuntimeMeta:
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
        self._url = f"{self._config.endpoint}/functions/{name}/invocations"
        memory = self._config.runtime_memory
        return RuntimeMeta(
            python=python,
            description=f"{name} (Python {python[0]}.{python[1]}, {memory} MB)",
            shares_files=self._is_here(),
        )

    def prepare(self, activation: Activation) -> HttpRequest:
        """Write an invocation; its id lets the service recognize one that comes twice."""
        assert activation.payload is not None, "only streams have none"
        return HttpRequest(
            url=self._url,
            body=activation.payload(),
            headers={
                **(self._event_headers if activation.lane is Lane.STORAGE else self._headers),
                "Idempotency-Key": activation.activation_id,
            },
            ca_file=self._config.ca_file,
        )

    def interpret(self, response: HttpResponse) -> Outcome:
        """Say what the service's answer means."""
        return self._answers.outcome(response)

    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove the functions of this owner, which are kept between jobs."""
        if not scope.everything:
            return CleanReport()
        ours = [function["name"] for function in self._client.functions() if function.get("tags") == self._tags()]
        for name in ours:
            self._client.delete(name)
        return CleanReport(removed=tuple(f"function {name!r}" for name in ours))

    def poll(self, receipts: Sequence[Receipt]) -> Sequence[ActivationState]:
        """Ask what became of invocations whose answers are not waited for."""
        names = [name for receipt in receipts for name in receipt.activation_ids]
        return [state_of(event) for event in self._client.events(names) if event["phase"] != "unknown"]

    def _is_here(self) -> bool:
        return urlsplit(self._config.endpoint).hostname in ("127.0.0.1", "localhost", "::1")

    def _tags(self) -> dict[str, str]:
        return {"managed-by": MADE_BY, "owner": self._config.owner}

    def _spec(self, python: tuple[int, int], packages: Sequence[str]) -> dict[str, Any]:
        config = self._config
        bundle = collect("lithops_testing", *packages)
        return {
            "archive": base64.b64encode(zipped(bundle)).decode(),
            "entry_point": ENTRY_POINT,
            "python": f"{python[0]}.{python[1]}",
            "memory_mb": config.runtime_memory,
            "timeout_s": config.runtime_timeout,
            "environment": {**config.environment, "LITHOPS_WORKER_PROCESSES": str(config.worker_processes)},
            "tags": self._tags(),
        }
