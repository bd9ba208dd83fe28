"""The backend, as the core sees it: hooks only. What they do is in `backend`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import (
        Activation,
        ActivationState,
        CleanReport,
        CleanScope,
        Cost,
        ExecutorInfo,
        HttpRequest,
        HttpResponse,
        Limits,
        Outcome,
        Receipt,
        RuntimeMeta,
        RuntimeRequest,
        Usage,
    )
    from lithops_testing.backends.faas.backend import Backend
    from lithops_testing.backends.faas.config import FaasDoubleConfig


class FaasDouble:
    """Runs calls on a function service: an environment per activation, the answer in the response."""

    name = "faas_double"
    Config = "lithops_testing.backends.faas.config:FaasDoubleConfig"

    def __init__(self) -> None:
        self._backend: Backend | None = None

    @hookimpl
    def configure(self, config: FaasDoubleConfig, executor: ExecutorInfo) -> None:
        """Keep the section; nothing is asked of the service yet."""
        from lithops_testing.backends.faas.backend import Backend

        self._backend = Backend(config)

    @hookimpl
    def limits(self, config: FaasDoubleConfig) -> Limits:
        """Say what the service takes."""
        return self._ready().limits()

    @hookimpl
    def deploy_runtime(self, request: RuntimeRequest) -> RuntimeMeta:
        """Make sure that the function is there."""
        return self._ready().deploy(request)

    @hookimpl
    def prepare(self, activation: Activation) -> HttpRequest:
        """Write an invocation of the function."""
        return self._ready().prepare(activation)

    @hookimpl
    def interpret(self, activation: Activation, response: HttpResponse) -> Outcome:
        """Say what the service's answer means."""
        return self._ready().interpret(response)

    @hookimpl
    def poll(self, receipts: Sequence[Receipt]) -> Sequence[ActivationState]:
        """Ask the service what became of activations."""
        return self._ready().poll(receipts)

    @hookimpl
    def price(self, usage: Usage) -> Cost:
        """Say what this costs."""
        return self._ready().price(usage)

    @hookimpl
    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove the functions of this owner."""
        return self._ready().clean(scope)

    @hookimpl
    def close(self) -> None:
        """Forget the section: there is nothing open."""
        self._backend = None

    def _ready(self) -> Backend:
        assert self._backend is not None, "configure comes first, close last"
        return self._backend
