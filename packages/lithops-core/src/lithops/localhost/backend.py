"""Calls on this machine: a pool, and where its interpreter, its limits and its logs are."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lithops.pool.pool import Pool, PoolOptions
from lithops.types import (
    Activation,
    CancelReport,
    CancelRequest,
    CleanReport,
    CleanScope,
    ExecutorInfo,
    Receipt,
    RuntimeMeta,
    Sink,
)

if TYPE_CHECKING:
    from lithops.localhost.config import LocalhostConfig

LOGS = "logs"


class LocalhostBackend:
    """The pool of one executor. Its zygote starts with it, its workers when there is work."""

    def __init__(self, config: LocalhostConfig | None, executor: ExecutorInfo) -> None:
        self._python = config.runtime if config is not None else sys.executable
        live = config is not None and config.stream_logs
        library: str | None = None
        if not _same_interpreter(self._python):
            from pathlib import Path

            from lithops.localhost.bundle import build_bundle

            library = build_bundle(Path(executor.state_dir))
        self.pool = Pool(
            PoolOptions(
                workers=config.worker_processes if config is not None else os.cpu_count() or 1,
                python=self._python,
                library=library,
                path=tuple(sys.path) if library is None else None,
                log_dir=_make_log_dir(executor),
                memory_mb=config.runtime_memory if config is not None else None,
                live=_echo if live or executor.stream_logs else None,
            )
        )

    def runtime(self) -> RuntimeMeta:
        """Describe the interpreter, whose minor version was checked when it started."""
        return RuntimeMeta(python=sys.version_info[:2], description=self._python)

    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Hand activations to the pool, one after the other."""
        receipts = []
        for activation in activations:
            receipt = Receipt(activation_ids=(activation.activation_id,), backend_ref=activation.activation_id)
            self.pool.submit(activation, sink, receipt)
            receipts.append(receipt)
        return receipts

    def cancel(self, request: CancelRequest) -> CancelReport:
        """Stop calls; returns how many activations had any."""
        ids = [i for receipt in request.receipts for i in receipt.activation_ids]
        return CancelReport(stopped=sum(self.pool.cancel(i, request.ranges) for i in ids))

    def close(self) -> None:
        """End all workers."""
        self.pool.close()


def clean_logs(scope: CleanScope) -> CleanReport:
    """Remove the logs of executors that have ended."""
    from shutil import rmtree

    from lithops.config import logs_dir

    removed = []
    for folder in sorted(logs_dir().iterdir()) if logs_dir().is_dir() else ():
        if scope.job_keys and not any(key.startswith(folder.name) for key in scope.job_keys):
            continue
        rmtree(folder, ignore_errors=True)
        removed.append(f"logs of executor {folder.name}")
    return CleanReport(removed=tuple(removed))


def _same_interpreter(python: str) -> bool:
    return python == sys.executable


def _make_log_dir(executor: ExecutorInfo) -> str | None:
    """Make the folder for logs; where that fails, calls run all the same and only the tails of their logs are kept."""
    folder = f"{executor.state_dir}/{LOGS}/{executor.executor_id}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib takes 3 ms to import
    except OSError as error:
        import logging

        logging.getLogger(__name__).warning(
            "no logs are kept on disk: cannot make folder %r: %s", folder, error.strerror or error
        )
        return None
    return folder


def _echo(number: int, data: bytes) -> None:
    stream = sys.stderr if number == 2 else sys.stdout  # noqa: PLR2004 - the descriptor of standard error
    stream.write(data.decode("utf-8", "replace"))
    stream.flush()
