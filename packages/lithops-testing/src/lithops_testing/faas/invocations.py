"""What happens to an invocation, from its limits over its faults to its answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lithops_testing.faas import stub
from lithops_testing.faas.environment import Ended, Environment
from lithops_testing.faas.fleet import NONE
from lithops_testing.faas.throttle import Bucket
from lithops_testing.service.faults import seconds_of
from lithops_testing.service.wire import Answer, json_answer

if TYPE_CHECKING:
    from lithops_testing.faas.counters import Counters
    from lithops_testing.faas.faults import Fault
    from lithops_testing.faas.fleet import Fleet
    from lithops_testing.faas.functions import Function
    from lithops_testing.faas.settings import Settings
    from lithops_testing.service.wire import Reply, Request

STATUS = {
    "crashed": 502,
    "killed": 502,
    "memory": 502,
    "failed": 502,
    "reclaimed": 503,
    "unavailable": 503,
    "timeout": 504,
}
"""Of the answer, by how an environment ended."""
KIND, NAME = "x-invocation-type", "idempotency-key"
"""Headers of an invocation: `event` if its answer is not waited for; what its client calls it."""
KEPT_EVENTS = 100_000
STUBS = 64
"""Activations that are not run and put their reports into a store at once."""
_DOOMS = {
    "reclaim": ("reclaimed", "the service has taken the environment back"),
    "timeout": ("timeout", "the invocation ran longer than the function's timeout (as a fault asked for)"),
    "memory": ("memory", "the environment took more memory than its function has (as a fault asked for)"),
}
"""Faults by which the service itself ends an environment: what its answer says."""


class _Invocation:
    """One that has begun."""

    def __init__(self, function: Function, request: Request, reply: Reply, faults: Mapping[str, Fault]) -> None:
        self.function = function
        self.request = request
        self.reply = reply
        self.faults = faults
        self.began = time.monotonic()
        self.name = request.headers.get(NAME, "")

    @property
    def is_event(self) -> bool:
        """Whether nobody waits for the answer."""
        return self.request.headers.get(KIND, "").lower() == "event"


class Invocations:
    """Runs invocations under the settings of the moment."""

    def __init__(self, settings: Settings, fleet: Fleet, counters: Counters) -> None:
        self._fleet = fleet
        self._counters = counters
        self._running: dict[Function, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._stubs = ThreadPoolExecutor(STUBS, "stubs")
        self._events: dict[str, dict[str, str]] = {}  # by the client's name, the oldest first
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Go on under other settings."""
        self._settings = settings
        self._bucket = None if settings.rate_per_s is None else Bucket(settings.rate_per_s, settings.burst)

    def start(self, function: Function, request: Request, reply: Reply, faults: Mapping[str, Fault]) -> None:
        """Run an invocation, beside others, as the faults that it meets allow; returns at once."""
        self._counters.began(request.size_bytes)
        one = _Invocation(function, request, reply, faults)
        refused = self._refused(one)
        if refused is not None:
            self._finish(reply, refused)
            return
        self._running[function] = self._running.get(function, 0) + 1
        if one.is_event:
            self._note(one, phase="running")
            lost = "lost_answer" in faults
            reply(json_answer(202, self._told(one), accepted=one.name) if not lost else Answer(status=202, sent=0.0))
        delay_s = self._settings.latency_s + seconds_of(faults, "latency") + (self._settings.stub_ms or 0.0) / 1000
        asyncio.get_running_loop().call_later(delay_s, self._begin, one)

    def _begin(self, one: _Invocation) -> None:
        if self._settings.stub_ms is not None and not one.is_event:
            self._end(one, self._pretended(one))  # at once: what is measured beside it must not wait for turns
            return
        task = asyncio.get_running_loop().create_task(self._work(one))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _pretended(self, one: _Invocation) -> Answer:
        """Return the answer to an invocation that is not run."""
        try:
            body = stub.done(one.request.body, time.time())
        except ValueError as error:
            return _ended(Ended("failed", str(error)))
        self._counters.executed += 1
        return self._answer(one, body)

    async def _work(self, one: _Invocation) -> None:
        answer = json_answer(500, error="internal", message="the service has failed")
        try:
            if self._settings.stub_ms is not None:  # its report goes into a store, which takes its time
                answer = await asyncio.get_running_loop().run_in_executor(self._stubs, self._pretended, one)
            else:
                answer = self._answer(one, await self.run(one.function, one.request.body, one.faults))
        except Ended as ended:
            answer = _ended(ended)
        finally:
            self._end(one, answer)

    def states(self, names: Sequence[str]) -> list[dict[str, str]]:
        """Return what is known of events: their name and phase (`running`, `gone`, `unknown`), why and how they ended."""
        return [self._events.get(name, {"name": name, "phase": "unknown"}) for name in names]

    def _note(self, one: _Invocation, **said: str) -> None:
        self._events[one.name] = {"name": one.name, **said}
        while len(self._events) > KEPT_EVENTS:
            del self._events[next(iter(self._events))]

    def _end(self, one: _Invocation, answer: Answer) -> None:
        self._running[one.function] -= 1
        if not one.is_event:
            self._finish(one.reply, answer)
            return
        said = json.loads(answer.body) if answer.status != 200 else {"error": "", "message": ""}
        self._note(one, phase="gone", error=said["error"], message=said["message"])
        self._counters.ended(answer.status, 0)

    def _finish(self, reply: Reply, answer: Answer) -> None:
        self._counters.ended(answer.status, len(answer.body))
        reply(answer)

    def _answer(self, one: _Invocation, body: bytes) -> Answer:
        """Return the answer that carries what the function returned, or what the faults make of it."""
        settings, faults = self._settings, one.faults
        if len(body) > settings.response_bytes:
            return _too_large("response", len(body), settings.response_bytes)
        told = self._told(one)
        if not faults:
            return Answer(status=200, body=body, headers=told)
        kept = 0.0 if "lost_answer" in faults else 0.5 if "truncated_body" in faults else 1.0
        return Answer(status=200, body=body, headers=told, slow_s=seconds_of(faults, "slow_body"), sent=kept)

    def _told(self, one: _Invocation) -> dict[str, str]:
        billed_ms = round((time.monotonic() - one.began) * 1000)
        return {"X-Request-Id": f"{next(self._numbers):012x}", "X-Billed-Ms": str(billed_ms)}

    def _refused(self, one: _Invocation) -> Answer | None:
        """Return the answer to an invocation that does not even begin."""
        function, request, faults = one.function, one.request, one.faults
        settings, most = self._settings, function.spec.concurrency or self._settings.concurrency
        most_bytes = settings.event_bytes if one.is_event else settings.request_bytes
        if request.size_bytes > most_bytes:
            return _too_large("request", request.size_bytes, most_bytes)
        if not function.active:
            return json_answer(409, error="pending", message=f"function {function.name!r} is not active yet")
        if (refused := self.refused_by(faults)) is not None:
            return refused
        if self._bucket is not None and (wait_s := self._bucket.take()) > 0:
            return self._throttled("rate", wait_s)
        if self._running.get(function, 0) >= most:
            return self._throttled("concurrency", None)
        return None

    def refused_by(self, faults: Mapping[str, Fault]) -> Answer | None:
        """Return the answer to a request that does not even begin, for one of these reasons."""
        if "throttle" in faults:
            return self._throttled("fault", faults["throttle"].seconds)
        if "error_500" in faults:
            return json_answer(500, error="internal", message="the service has failed")
        if "error_503" in faults:
            return json_answer(503, error="unavailable", message="the service is not available")
        return None

    def _throttled(self, reason: str, wait_s: float | None) -> Answer:
        self._counters.throttled += 1
        headers = {} if wait_s is None else {"Retry-After": f"{wait_s:.3f}"}
        return json_answer(429, headers, error="throttled", reason=reason, message=f"too many invocations ({reason})")

    async def run(
        self, function: Function, body: bytes, faults: Mapping[str, Fault], variables: Mapping[str, str] = NONE
    ) -> bytes:
        """Run an invocation in an environment, one of its own if there are `variables`. Raises `Ended`."""
        cold_s = self._settings.cold_start_s + seconds_of(faults, "cold_start")
        environment = await self._fleet.take(function, cold_s, cold="cold_start" in faults, variables=variables)
        try:
            for name in _DOOMS.keys() & faults.keys():
                environment.doom(Ended(*_DOOMS[name]))
            if "crash_before" in faults:
                environment.die(faults["crash_before"].signal)
            answer = await self._executed(environment, body)
            if "duplicate" in faults:
                await self._executed(environment, body)
            if "crash_after" in faults:
                environment.die(faults["crash_after"].signal)
                await environment.end()
            return answer
        except Ended as ended:
            if ended.code != "failed":
                self._counters.died += 1
            raise
        finally:
            self._fleet.give_back(environment)

    async def _executed(self, environment: Environment, body: bytes) -> bytes:
        answer = await environment.run(body, environment.function.spec.timeout_s)
        self._counters.executed += 1
        return answer


def _ended(ended: Ended) -> Answer:
    return json_answer(STATUS[ended.code], error=ended.code, message=str(ended))


def _too_large(what: str, size: int, most: int) -> Answer:
    message = f"the {what} has {size:,} bytes, and {most:,} are the most"
    return json_answer(413, error=f"{what}_too_large", message=message)
