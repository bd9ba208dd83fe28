"""A cross-cutting plugin that loses, repeats, delays and garbles reports between a backend and the core."""

from __future__ import annotations

import queue
import random
import threading
import time
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from lithops.hookspecs import hookimpl
from lithops.records import replaced
from lithops.types import Cause, Payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import CallRange, ExecutorInfo, Receipt, Report, Sink


CLOSE_S = 10.0


class FaultyReportsConfig(BaseModel):
    """Section `faulty_reports`: how likely each fault is, for each report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lost: float = Field(default=0.0, ge=0, le=1, description="the activation counts as lost instead")
    duplicated: float = Field(default=0.0, ge=0, le=1, description="it comes twice")
    late: float = Field(default=0.0, ge=0, le=1, description="it comes `late_s` later, and all that follows it")
    garbled: float = Field(default=0.0, ge=0, le=1, description="it cannot be read")
    late_s: float = Field(default=0.2, gt=0, le=60, description="how much later")
    seed: int = Field(default=0, description="of the dice; the same reports meet the same faults")


class FaultyReports:
    """Has reports meet faults, if the configuration has a section for it."""

    name = "faulty_reports"
    Config = FaultyReportsConfig

    def __init__(self) -> None:
        self._config: FaultyReportsConfig | None = None
        self._sinks: list[FaultySink] = []

    @hookimpl
    def configure(self, config: FaultyReportsConfig | None, executor: ExecutorInfo) -> None:
        """Keep the section."""
        self._config = config

    @hookimpl
    def wrap_sink(self, sink: Sink) -> Sink | None:
        """Stand in front of the core's sink."""
        if self._config is None:
            return None
        faulty = FaultySink(sink, self._config)
        self._sinks.append(faulty)
        return faulty

    @hookimpl
    def close(self) -> None:
        """Let go of what is late."""
        for sink in self._sinks:
            sink.close()


class FaultySink:
    """A sink in front of another one."""

    def __init__(self, sink: Sink, config: FaultyReportsConfig) -> None:
        self._sink = sink
        self._config = config
        self._random = random.Random(config.seed)  # noqa: S311 - to be repeatable, no secret
        self._lock = threading.Lock()
        self._late: queue.SimpleQueue[tuple[float, Report] | None] = queue.SimpleQueue()
        self._delayed: set[str] = set()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def reported(self, reports: Sequence[Report]) -> None:
        """See `lithops.types.Sink`."""
        for report in reports:
            self._pass_on(report)

    def accepted(self, receipt: Receipt) -> None:
        """See `lithops.types.Sink`."""
        self._sink.accepted(receipt)

    def started(self, activation_ids: Sequence[str], at: float) -> None:
        """See `lithops.types.Sink`."""
        self._sink.started(activation_ids, at)

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        """See `lithops.types.Sink`."""
        self._sink.lost(activation_id, cause, detail, not_begun)

    def throttled(self, activation_ids: Sequence[str], retry_after_s: float | None) -> None:
        """See `lithops.types.Sink`."""
        self._sink.throttled(activation_ids, retry_after_s)

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        """See `lithops.types.Sink`."""
        self._sink.refused(activation_ids, error)

    def close(self) -> None:
        """Forget what is late; idempotent."""
        self._over.set()
        self._late.put(None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_S)

    def _pass_on(self, report: Report) -> None:
        name, config = report.activation_id, self._config
        with self._lock:
            lost, duplicated, late, garbled = (self._random.random() for _ in range(4))
            if late < config.late or name in self._delayed:
                self._delay(report)
                return
        if lost < config.lost:
            self._sink.lost(name, Cause.UNREACHABLE, "a report was lost (as a fault asked for)", ())
            return
        if garbled < config.garbled:
            report = _garbled(report, garbled / config.garbled)
        self._sink.reported([report])
        if duplicated < config.duplicated:
            self._sink.reported([report])

    def _delay(self, report: Report) -> None:
        """Put a report into the queue, in which all wait for the same time and so keep their order."""
        self._delayed.add(report.activation_id)
        self._late.put((time.monotonic() + self._config.late_s, report))
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="faulty-reports", daemon=True)
            self._thread.start()

    def _deliver(self) -> None:
        while (entry := self._late.get()) is not None:
            due, report = entry
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            self._sink.reported([report])


def _garbled(report: Report, how: float) -> Report:
    """Return a report with one thing wrong with it; `how` is from 0 to 1."""
    if how < 1 / 3:
        return replaced(report, results=Payload(body=b"\x80\x05garbled"))
    if how < 2 / 3:
        return replaced(report, states=report.states[:-1])
    return replaced(report, first=report.first + (1 << 40))
