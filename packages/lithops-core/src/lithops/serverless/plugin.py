"""The mode's own plugin: what is the same for all backends that are reached by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.hookspecs import hookimpl
from lithops.serverless.requests import Requests
from lithops.types import CancelReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.plugins import Plugins
    from lithops.types import Activation, CancelRequest, Receipt, Sink


class Serverless:
    """Starts activations with the requests that the backend prepares, unless it has an `invoke` of its own."""

    name = "serverless"

    def __init__(self, plugins: Plugins) -> None:
        """`plugins` are those of the executor, the backend among them."""
        self._requests = Requests(plugins)

    @hookimpl(trylast=True)
    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Hand requests to the engine."""
        return self._requests.start(activations, sink)

    @hookimpl(trylast=True)
    def cancel(self, request: CancelRequest) -> CancelReport:
        """Drop the requests that were not sent yet; what runs, runs on, and nobody waits for it."""
        return CancelReport(stopped=self._requests.drop(request))

    @hookimpl
    def close(self) -> None:
        """Close all connections."""
        self._requests.close()
