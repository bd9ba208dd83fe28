"""What the hooks do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.errors import ThrottledError
from lithops.types import ActivationState, CancelReport, Limits, Phase, Receipt
from lithops_testing.backends.faas.answers import cause_of
from lithops_testing.backends.faas.client import Client
from lithops_testing.backends.faas.deployment import Deployment
from lithops_testing.backends.faas.prices import cost_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import (
        Activation,
        CancelRequest,
        CleanReport,
        CleanScope,
        Cost,
        RuntimeMeta,
        RuntimeRequest,
        Sink,
        Usage,
    )
    from lithops_testing.backends.arrays.config import ArrayDoubleConfig

ENTRY_POINT = "lithops_testing.backends.arrays.entry_point:handle"
CALLS_PER_ACTIVATION = 1000


class Backend:
    """One executor's view of the service."""

    def __init__(self, config: ArrayDoubleConfig) -> None:
        self._config = config
        self._client = Client(config)
        self._deployment = Deployment(config, self._client, ENTRY_POINT)
        self._activations: dict[str, Activation] = {}  # that have been started and are not known to be gone

    def limits(self) -> Limits:
        """Say what the service takes. A call ends a little before its environment is ended, so that it can tell."""
        config = self._config
        return Limits(
            calls_per_activation=CALLS_PER_ACTIVATION,
            activations_per_request=config.array_size,
            in_flight=config.max_workers,
            longest_s=config.runtime_timeout - min(1.0, config.runtime_timeout / 10),
        )

    def deploy(self, request: RuntimeRequest) -> RuntimeMeta:
        """Make sure that the function is there."""
        return self._deployment.ready(request)

    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Start an array, which bears the name of its first activation."""
        first = activations[0]
        assert first.payload is not None, "only streams have none"
        names = tuple(activation.activation_id for activation in activations)
        try:
            self._client.start_array(self._deployment.name, first.activation_id, len(names), first.payload())
        except ThrottledError:
            sink.throttled(names, None)
            return ()
        self._activations.update(zip(names, activations, strict=True))
        receipt = Receipt(activation_ids=names, backend_ref=first.activation_id)
        sink.accepted(receipt)
        return (receipt,)

    def poll(self, receipts: Sequence[Receipt]) -> Sequence[ActivationState]:
        """Ask for the states of arrays."""
        found: list[ActivationState] = []
        for receipt in receipts:
            for state in self._client.array(receipt.backend_ref):
                name, phase = receipt.activation_ids[state["index"]], Phase(state["phase"])
                if phase is Phase.GONE:
                    self._activations.pop(name, None)
                found.append(
                    ActivationState(
                        activation_id=name,
                        phase=phase,
                        cause=cause_of(state["error"]),
                        detail=state["message"] or "it has ended and left no report",
                    )
                )
        return found

    def cancel(self, request: CancelRequest) -> CancelReport:
        """End the activations all of whose calls are cancelled."""
        stopped = 0
        for receipt in request.receipts:
            indexes = [
                index
                for index, name in enumerate(receipt.activation_ids)
                if (activation := self._activations.get(name)) is not None and request.covers(activation.ranges)
            ]
            if indexes:
                self._client.cancel_array(receipt.backend_ref, indexes)
                stopped += len(indexes)
        return CancelReport(stopped=stopped)

    def price(self, usage: Usage) -> Cost:
        """Say what this costs."""
        return cost_of(usage, self._config)

    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove the functions of this owner."""
        return self._deployment.clean(scope)
