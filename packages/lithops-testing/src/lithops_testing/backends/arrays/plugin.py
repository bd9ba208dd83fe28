"""The backend, as the core sees it: hooks only. What they do is in `backend`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import (
        Activation,
        ActivationState,
        CancelReport,
        CancelRequest,
        CleanReport,
        CleanScope,
        Cost,
        ExecutorInfo,
        Limits,
        Receipt,
        RuntimeMeta,
        RuntimeRequest,
        Sink,
        Usage,
    )
    from lithops_testing.backends.arrays.backend import Backend
    from lithops_testing.backends.arrays.config import ArrayDoubleConfig


class ArrayDouble:
    """Runs calls in arrays: one request starts many environments, and results come through the store."""

    name = "array_double"
    Config = "lithops_testing.backends.arrays.config:ArrayDoubleConfig"

    def __init__(self) -> None:
        self._backend: Backend | None = None

    @hookimpl
    def configure(self, config: ArrayDoubleConfig, executor: ExecutorInfo) -> None:
        """Keep the section; nothing is asked of the service yet."""
        from lithops_testing.backends.arrays.backend import Backend

        self._backend = Backend(config)

    @hookimpl
    def limits(self, config: ArrayDoubleConfig) -> Limits:
        """Say what the service takes."""
        return self._ready().limits()

    @hookimpl
    def deploy_runtime(self, request: RuntimeRequest) -> RuntimeMeta:
        """Make sure that the function is there."""
        return self._ready().deploy(request)

    @hookimpl
    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Start an array."""
        return self._ready().invoke(activations, sink)

    @hookimpl
    def poll(self, receipts: Sequence[Receipt]) -> Sequence[ActivationState]:
        """Ask the service what became of activations."""
        return self._ready().poll(receipts)

    @hookimpl
    def cancel(self, request: CancelRequest) -> CancelReport:
        """End activations."""
        return self._ready().cancel(request)

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
