"""Calls on this machine: a pool, and where its interpreter, its limits and its logs are."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from lithops.localhost.cores import usable_cores
from lithops.localhost.log_folder import clean_logs, open_log_folder
from lithops.pool.options import PoolOptions
from lithops.pool.pool import Pool
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
    from collections.abc import Sequence

    from lithops.localhost.config import LocalhostConfig


class LocalhostBackend:
    """The pool of one executor. Its zygote starts with it, its workers when there is work."""

    def __init__(self, config: LocalhostConfig | None, executor: ExecutorInfo) -> None:
        self.workers = config.worker_processes if config is not None else usable_cores()
        self._python = config.runtime if config is not None else sys.executable
        live = config is not None and config.stream_logs
        library: str | None = None
        if not _same_interpreter(self._python):
            from pathlib import Path

            from lithops.bundle.contents import collect
            from lithops.bundle.folder import unpacked

            library = unpacked(collect(), Path(executor.state_dir))
        self._executor = executor
        self._logs = open_log_folder(executor)
        try:
            self.pool = Pool(
                PoolOptions(
                    workers=self.workers,
                    python=self._python,
                    library=library,
                    path=tuple(sys.path) if library is None else None,
                    log_dir=self._logs.path if self._logs is not None else None,
                    memory_mb=config.runtime_memory if config is not None else None,
                    live=_echo if live or executor.stream_logs else None,
                )
            )
        except BaseException:
            self._close_logs()
            raise

    def runtime(self) -> RuntimeMeta:
        """Describe the interpreter, whose minor version was checked when it started."""
        return RuntimeMeta(python=sys.version_info[:2], description=self._python)

    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Hand activations to the pool, one after the other."""
        if self._logs is not None:
            self._logs.unwanted = False
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

    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove the logs of executors that have ended, and this one's, if it is named, once it closes.

        Until then workers write to them; a job that is started meanwhile keeps them.
        """
        report = clean_logs(scope, self._executor.state_dir)
        if self._logs is None or self._executor.executor_id not in scope.job_keys:
            return report
        self._logs.unwanted = True
        return CleanReport(removed=(*report.removed, f"logs of executor {self._executor.executor_id}, once it closes"))

    def close(self) -> None:
        """End all workers."""
        self.pool.close()
        self._close_logs()

    def _close_logs(self) -> None:
        if self._logs is not None:
            self._logs.close()


def _same_interpreter(python: str) -> bool:
    """Whether a path names the interpreter that runs this, perhaps by another of the names it has in its folder."""
    here = os.path.split(sys.executable)[0]
    return python == sys.executable or (
        os.path.split(python)[0] == here and os.path.realpath(python) == os.path.realpath(sys.executable)
    )


def _echo(number: int, data: bytes) -> None:
    stream = sys.stderr if number == 2 else sys.stdout
    stream.write(data.decode("utf-8", "replace"))
    stream.flush()
