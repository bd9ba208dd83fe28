"""An invoker in front of a platform that takes requests one by one and does with each what a script says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import pytest

from lithops import hookimpl
from lithops.config.settings import SpeculationPolicy
from lithops.futures import FuturesList
from lithops.invoke.invoker import Invoker
from lithops.jobs.build import JobBuilder, JobOptions
from lithops.jobs.retry import RetryPolicy
from lithops.plugins import Plugins
from lithops.records import replaced
from lithops.remote.envelope import decode_reports
from lithops.remote.handler import Handler
from lithops.types import Activation, CallRange, Cause, Lane, Limits, Receipt, RuntimeMeta, RuntimeRequest, Sink
from lithops.wait import wait

DEADLINE_S = 30.0
Step = Callable[["Platform", Activation, Sink], None]


class Platform:
    """Runs activations on a thread, from the bytes of their requests. What the script does not speak of is run."""

    name = "platform"
    Config = None

    def __init__(self, script: Iterable[Step] = ()) -> None:
        self._script = iter(script)
        self._handler = Handler()
        self._queue: SimpleQueue[tuple[Activation, Sink] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.seen: list[Activation] = []
        self.most_open = self.open = 0

    @hookimpl
    def limits(self, config: None) -> Limits:
        return Limits(calls_per_activation=10, request_bytes=1 << 20, response_bytes=1 << 20)

    @hookimpl
    def deploy_runtime(self, request: RuntimeRequest) -> RuntimeMeta:
        return RuntimeMeta(python=(3, 11), description="here")

    @hookimpl
    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        receipts = [Receipt(activation_ids=(a.activation_id,), backend_ref="") for a in activations]
        for activation, receipt in zip(activations, receipts, strict=True):
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            self.seen.append(activation)
            sink.accepted(receipt)
            self._queue.put((activation, sink))
        return receipts

    @hookimpl
    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(DEADLINE_S)
        self._handler.close()

    def run(self, activation: Activation, sink: Sink) -> None:
        assert activation.payload is not None
        try:
            request = activation.payload()
        except Exception as error:
            sink.refused((activation.activation_id,), error)
            return
        reports = decode_reports(self._handler.handle(request))
        sink.reported([*reports[:-1], replaced(reports[-1], final=True)])

    def _work(self) -> None:
        while (taken := self._queue.get()) is not None:
            self.open -= 1
            next(self._script, Platform.run)(self, *taken)


def throttle(_: Platform, activation: Activation, sink: Sink) -> None:
    sink.throttled((activation.activation_id,), None)


def lose(cause: Cause) -> Step:
    return lambda _, activation, sink: sink.lost(activation.activation_id, cause, "as the script says", ())


def run_twice(platform: Platform, activation: Activation, sink: Sink) -> None:
    platform.run(activation, sink)
    platform.run(activation, sink)


def forget(_: Platform, activation: Activation, sink: Sink) -> None:
    """Say nothing, ever."""


class Bench:
    """An executor without configuration: plugins, an invoker, jobs."""

    def __init__(
        self,
        platform: Platform,
        *,
        in_flight: int | None = 8,
        infrastructure_retries: int = 5,
        speculation: SpeculationPolicy | None = None,
        **limits: Any,
    ) -> None:
        self.platform = platform
        self.plugins = Plugins(platform)
        self.limits = replaced(platform.limits(None), in_flight=in_flight, **limits)
        self.invoker = Invoker(
            self.plugins,
            self.limits,
            infrastructure_retries=infrastructure_retries,
            lane=Lane.RESPONSE,
            speculation=speculation,
        )
        self._builder = JobBuilder(
            executor_id="bench",
            backend="platform",
            runtime_name="here",
            runtime_memory=None,
            pump=None,
            storage=lambda: None,
            parallel=None,
            lane=self.invoker.lane,
        )
        self._jobs = 0

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        chunksize: int = 1,
        retries: int = 0,
        timeout_s: float = 20,
    ) -> FuturesList:
        options = JobOptions(
            timeout_s=timeout_s,
            retry=RetryPolicy(retries=retries, first_delay_s=0.001),
            chunksize=chunksize,
            is_map=True,
        )
        self._jobs += 1
        job = self._builder.from_items(f"M{self._jobs:03d}", function, items, options)
        job.submitted = time.time()
        job.cancel = self.invoker.cancel
        self.invoker.submit(job, (CallRange(first=0, count=job.table.calls),))
        return FuturesList(job=job)

    def results(self, futures: FuturesList) -> list[Any]:
        """Wait for all; return results, and exceptions in the place of those that failed."""
        wait(futures, throw_except=False, timeout=DEADLINE_S, show_progressbar=False)
        return [future.exception() or future.result() for future in futures]

    def close(self) -> None:
        self.invoker.close()
        self.plugins.close()
        self.invoker.abandon()


Make = Callable[..., Bench]


@pytest.fixture
def bench() -> Iterator[Make]:
    """Make benches that are closed after the test."""
    made: list[Bench] = []

    def make(*script: Step, **options: Any) -> Bench:
        made.append(Bench(Platform(script), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
