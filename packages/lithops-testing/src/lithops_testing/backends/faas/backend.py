"""What the hooks do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.types import HttpRequest, Lane, Limits
from lithops_testing.backends.faas.answers import Answers, state_of
from lithops_testing.backends.faas.client import Client
from lithops_testing.backends.faas.deployment import Deployment
from lithops_testing.backends.faas.prices import cost_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import (
        Activation,
        ActivationState,
        CleanReport,
        CleanScope,
        Cost,
        HttpResponse,
        Outcome,
        Receipt,
        RuntimeMeta,
        RuntimeRequest,
        Usage,
    )
    from lithops_testing.backends.faas.config import FaasDoubleConfig

ENTRY_POINT = "lithops_testing.backends.faas.entry_point:handle"
CALLS_PER_ACTIVATION = 256


class Backend:
    """One executor's view of the service."""

    def __init__(self, config: FaasDoubleConfig) -> None:
        self._config = config
        self._client = Client(config)
        self._deployment = Deployment(config, self._client, ENTRY_POINT)
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
        """Make sure that the function is there."""
        runtime = self._deployment.ready(request)
        self._url = f"{self._config.endpoint}/functions/{self._deployment.name}/invocations"
        return runtime

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

    def price(self, usage: Usage) -> Cost:
        """Say what this costs."""
        return cost_of(usage, self._config)

    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove the functions of this owner."""
        return self._deployment.clean(scope)

    def poll(self, receipts: Sequence[Receipt]) -> Sequence[ActivationState]:
        """Ask what became of invocations whose answers are not waited for."""
        names = [name for receipt in receipts for name in receipt.activation_ids]
        return [state_of(event) for event in self._client.events(names) if event["phase"] != "unknown"]
