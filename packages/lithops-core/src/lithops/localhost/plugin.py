"""The localhost backend, as the core sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.localhost.backend import LocalhostBackend
    from lithops.localhost.config import LocalhostConfig
    from lithops.types import (
        Activation,
        CancelReport,
        CancelRequest,
        CleanReport,
        CleanScope,
        ExecutorInfo,
        Limits,
        Pump,
        Receipt,
        RuntimeMeta,
        RuntimeRequest,
        Sink,
    )


class Localhost:
    """Runs calls on this machine. Hooks only; what they do is in `lithops.localhost.backend`."""

    name = "localhost"
    Config = "lithops.localhost.config:LocalhostConfig"

    def __init__(self) -> None:
        self._backend: LocalhostBackend | None = None

    @hookimpl
    def configure(self, config: LocalhostConfig | None, executor: ExecutorInfo) -> None:
        """Start the parent of the workers, so that it is ready when the first job is."""
        from lithops.localhost.backend import LocalhostBackend

        self._backend = LocalhostBackend(config, executor)

    @hookimpl
    def limits(self, config: LocalhostConfig | None) -> Limits:
        """One stream; the pool behind it splits jobs itself."""
        from lithops.types import Limits

        return Limits(calls_per_activation=None, parallel_calls=self._ready().workers)

    @hookimpl
    def deploy_runtime(self, request: RuntimeRequest) -> RuntimeMeta:
        """The interpreter is there; say which."""
        return self._ready().runtime()

    @hookimpl
    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Hand activations to the pool."""
        return self._ready().invoke(activations, sink)

    @hookimpl
    def cancel(self, request: CancelRequest) -> CancelReport:
        """Take back what has not begun, end the workers of what runs."""
        return self._ready().cancel(request)

    @hookimpl
    def pump(self) -> Pump:
        """Lend waiting threads to the pool."""
        return self._ready().pool

    @hookimpl
    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove what workers logged."""
        return self._ready().clean(scope)

    @hookimpl
    def close(self) -> None:
        """End all workers."""
        if self._backend is not None:
            self._backend.close()

    def _ready(self) -> LocalhostBackend:
        assert self._backend is not None, "configure comes first"
        return self._backend
