"""Which request does what: the control plane, invocations, and what tests say to the service itself."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lithops_testing.faas.arrays import Arrays
from lithops_testing.faas.counters import Counters
from lithops_testing.faas.faults import Dice, Faults
from lithops_testing.faas.fleet import Fleet
from lithops_testing.faas.functions import BadFunction, Functions, FunctionSpec
from lithops_testing.faas.invocations import Invocations
from lithops_testing.faas.settings import MEGABYTE, Settings
from lithops_testing.faas.wire import Answer, Reply, Request, json_answer

LARGEST_ARCHIVE = 64 * MEGABYTE


class Service:
    """All that the service holds, and its answers.

    PUT | GET | DELETE  /functions/NAME              GET  /functions
    POST                /functions/NAME/invocations  POST /events
    POST                /functions/NAME/arrays       GET /arrays/NAME  POST /arrays/NAME/cancel
    PUT  /admin/faults  PATCH /admin/settings  GET /admin/counters  POST /admin/outage  POST /admin/reset
    """

    def __init__(self, settings: Settings, token: str, folder: Path) -> None:
        self.settings = self._first = settings
        self.counters = Counters()
        self.outage: Callable[[float], None] | None = None
        """Refuses connections for so many seconds; set by who listens."""
        self._token = token
        self._functions = Functions(folder)
        self._fleet = Fleet(self.counters)
        self._invocations = Invocations(settings, self._fleet, self.counters)
        self._arrays = Arrays(settings, self._invocations)

    def serve(self, request: Request, reply: Reply) -> None:
        """Answer a request, sooner or later."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            reply(json_answer(401, error="unauthorized", message="send the header Authorization: Bearer TOKEN"))
        elif not hmac.compare_digest(token.encode(), self._token.encode()):
            reply(json_answer(403, error="forbidden", message="this token is not the service's"))
        else:
            self._route(request, reply)

    def _route(self, request: Request, reply: Reply) -> None:
        match request.path.strip("/").split("/"):
            case ["functions", name, "invocations"] if request.method == "POST":
                self._invoke(name, request, reply)
            case ["functions", name, "arrays"] if request.method == "POST":
                self._start_array(name, request, reply)
            case ["arrays", name] if request.method == "GET":
                self.counters.requests += 1
                reply(self._arrays.described(name))
            case ["arrays", name, "cancel"] if request.method == "POST":
                self.counters.requests += 1
                reply(self._arrays.cancel(name, _object(request).get("indexes") or ()))
            case ["events"] if request.method == "POST":
                reply(self._tell_events(request))
            case ["functions", name]:
                reply(self._control(name, request))
            case ["functions"] if request.method == "GET":
                reply(json_answer(200, functions=[function.described() for function in self._functions.listed()]))
            case ["admin", "reset"] if request.method == "POST":
                self._resetting = asyncio.get_running_loop().create_task(self._reset(reply))
            case ["admin", what]:
                reply(self._administer(what, request))
            case _:
                reply(_nothing(request))

    def most_bytes(self) -> int:
        """Return how much of a body is read."""
        return max(self.settings.request_bytes, LARGEST_ARCHIVE)

    async def close(self) -> None:
        """End all environments."""
        await self._arrays.close()
        await self._fleet.close()

    def _invoke(self, name: str, request: Request, reply: Reply) -> None:
        self.counters.requests += 1
        try:
            function = self._functions[name]
        except KeyError:
            reply(_no_function(name))
        else:
            self._invocations.start(function, request, reply)

    def _tell_events(self, request: Request) -> Answer:
        """Tell what became of invocations whose answers were not waited for, by the names that their client gave them."""
        self.counters.requests += 1
        names = _object(request).get("names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return json_answer(400, error="bad_request", message="`names` must be a list of texts")
        return json_answer(200, events=self._invocations.states(names))

    def _start_array(self, name: str, request: Request, reply: Reply) -> None:
        self.counters.requests += 1
        try:
            function = self._functions[name]
        except KeyError:
            reply(_no_function(name))
        else:
            self._arrays.start(function, request, reply)

    def _control(self, name: str, request: Request) -> Answer:
        self.counters.requests += 1
        try:
            if request.method == "GET":
                return json_answer(200, **self._functions[name].described())
            if request.method == "PUT":
                spec = FunctionSpec.model_validate(_object(request))
                made = self._functions.put(name, spec, self.settings.activation_s, self._fleet.retire)
                return json_answer(200, **made.described())
            if request.method == "DELETE":
                self._fleet.retire(self._functions.delete(name))
                return json_answer(200, name=name)
        except KeyError:
            return _no_function(name)
        except (ValueError, BadFunction) as error:
            return json_answer(400, error="bad_function", message=str(error))
        return json_answer(405, error="bad_method", message=f"a function has no {request.method}")

    def _administer(self, what: str, request: Request) -> Answer:
        doors: dict[tuple[str, str], Callable[[dict[str, Any]], Answer]] = {
            ("PUT", "faults"): self._set_faults,
            ("PATCH", "settings"): self._set_settings,
            ("GET", "counters"): self._tell_counters,
            ("POST", "outage"): self._begin_outage,
        }
        door = doors.get((request.method, what))
        if door is None:
            return _nothing(request)
        try:
            return door(_object(request))
        except ValueError as error:
            return json_answer(400, error="bad_request", message=str(error))

    def _set_faults(self, values: dict[str, Any]) -> Answer:
        self._invocations.dice = Dice(Faults.model_validate(values), self.settings.seed)
        return json_answer(200)

    def _set_settings(self, values: dict[str, Any]) -> Answer:
        self.settings = Settings.model_validate({**self.settings.model_dump(), **values})
        self._invocations.configure(self.settings)
        self._arrays.configure(self.settings)
        return json_answer(200)

    def _tell_counters(self, values: dict[str, Any]) -> Answer:
        return json_answer(200, **vars(self.counters), faults=self._invocations.dice.thrown)

    def _begin_outage(self, values: dict[str, Any]) -> Answer:
        seconds = values.get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= 600:
            raise ValueError(f"an outage has so many `seconds`, up to 600; found {seconds!r}")
        assert self.outage is not None, "who sent this came over a connection"
        self.outage(seconds)
        return json_answer(200)

    async def _reset(self, reply: Reply) -> None:
        for function in self._functions.listed():
            self._fleet.retire(self._functions.delete(function.name))
        await self.close()
        self.settings = self._first
        self._set_settings({})
        self._set_faults({})
        self.counters.reset()
        reply(json_answer(200))


def _object(request: Request) -> dict[str, Any]:
    value = json.loads(request.body or b"{}")
    if not isinstance(value, dict):
        raise ValueError(f"the body must be a JSON object, found {type(value).__name__}")
    return value


def _nothing(request: Request) -> Answer:
    return json_answer(404, error="not_found", message=f"there is nothing at {request.method} {request.path}")


def _no_function(name: str) -> Answer:
    return json_answer(404, error="not_found", message=f"there is no function {name!r}")
