"""Activations as requests: sent by the engine, understood by the backend, told to the sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.errors import BackendError, ClosedError, TransportError
from lithops.serverless.answers import reports_of
from lithops.serverless.http.engine import Engine
from lithops.types import Cause, Fate, Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.plugins import Plugins
    from lithops.types import Activation, CallRange, CancelRequest, HttpRequest, HttpResponse, Outcome, Report, Sink

CONNECTIONS = 1024
"""Requests that are under way at once, at most: each has a connection, and a process has a bound for these."""


class Requests:
    """The requests of one executor."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins
        self.open: dict[str, _Request] = {}
        self.answered: dict[int, tuple[Sink, list[Report]]] = {}  # by id of the sink, since it was last told
        self._engine = Engine(connections=CONNECTIONS, after_turn=self._tell)

    def start(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Send the requests of activations; returns at once."""
        requests = [_Request(self, activation, sink) for activation in activations]
        receipts = [Receipt(activation_ids=(a.activation_id,), backend_ref=a.activation_id) for a in activations]
        for request, receipt in zip(requests, receipts, strict=True):
            self.open[request.activation.activation_id] = request
            sink.accepted(receipt)
        self._engine.send(requests)
        return receipts

    def drop(self, cancelled: CancelRequest) -> int:
        """Forget activations that were not sent yet and have no other calls; returns how many these are."""
        names = [name for receipt in cancelled.receipts for name in receipt.activation_ids]
        found = [request for name in names if (request := self.open.get(name)) is not None]
        dropped = self._engine.drop([r for r in found if cancelled.covers(r.activation.ranges)])
        for exchange in dropped:
            assert isinstance(exchange, _Request)
            exchange.lost(Cause.KILLED, "it was cancelled before it was sent")
        return len(dropped)

    def close(self) -> None:
        """Close all connections; idempotent."""
        self._engine.close()

    def _tell(self) -> None:
        """Pass on what has come in one turn of the engine, all at once."""
        answered, self.answered = self.answered, {}
        for sink, reports in answered.values():
            sink.reported(reports)


class _Request:
    """One activation at the engine."""

    def __init__(self, requests: Requests, activation: Activation, sink: Sink) -> None:
        self._requests = requests
        self.activation = activation
        self._sink = sink
        self.deadline = activation.deadline

    def request(self) -> HttpRequest:
        """Have the backend write it."""
        return self._requests.plugins.prepare(self.activation)

    def answered(self, response: HttpResponse) -> None:
        """Have the backend read the answer, and tell what it means."""
        name, sink = self.activation.activation_id, self._sink
        try:
            outcome = self._requests.plugins.interpret(self.activation, response)
        except Exception as error:  # noqa: BLE001 - the border to a plugin
            self.lost(Cause.FORGED, f"the backend cannot read the answer: {type(error).__name__}: {error}")
            return
        if outcome.fate is Fate.ANSWERED:
            self._report(outcome)
        elif outcome.fate is Fate.ACCEPTED:
            self._close()
            sink.accepted(Receipt(activation_ids=(name,), backend_ref=outcome.backend_ref))
        elif outcome.fate is Fate.THROTTLED:
            self._close()
            sink.throttled((name,), outcome.retry_after_s)
        elif outcome.fate is Fate.LOST:
            self.lost(outcome.cause, outcome.detail)
        else:
            self._close()
            sink.refused((name,), outcome.error or BackendError(outcome.detail))

    def failed(self, error: Exception, sent: bool) -> None:
        """Tell that there is no answer; if it was sent, it may have run all the same."""
        if isinstance(error, ClosedError) or (isinstance(error, TransportError) and not error.lasting):
            self.lost(Cause.UNREACHABLE, str(error))
        else:
            self._close()
            self._sink.refused((self.activation.activation_id,), error)

    def lost(self, cause: Cause, detail: str, not_begun: Sequence[CallRange] = ()) -> None:
        """Tell that there will be no answer."""
        self._close()
        self._sink.lost(self.activation.activation_id, cause, detail, not_begun)

    def _report(self, outcome: Outcome) -> None:
        """Keep the reports for the end of the turn."""
        try:
            reports = reports_of(outcome.body, self.activation, outcome.billed_ms)
        except ValueError as error:
            self.lost(Cause.FORGED, str(error))
            return
        self._close()
        self._requests.answered.setdefault(id(self._sink), (self._sink, []))[1].extend(reports)

    def _close(self) -> None:
        self._requests.open.pop(self.activation.activation_id, None)
