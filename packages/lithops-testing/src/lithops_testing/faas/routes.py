"""Which request does what: the control plane and invocations."""

from __future__ import annotations

from pathlib import Path

from lithops_testing.faas.arrays import Arrays
from lithops_testing.faas.counters import Counters
from lithops_testing.faas.faults import Fault, Faults
from lithops_testing.faas.fleet import Fleet
from lithops_testing.faas.functions import BadFunction, Functions, FunctionSpec
from lithops_testing.faas.invocations import Invocations
from lithops_testing.faas.settings import Settings
from lithops_testing.service.service import Service, nothing_at, object_of
from lithops_testing.service.settings import MEGABYTE
from lithops_testing.service.wire import Answer, Reply, Request, json_answer

LARGEST_ARCHIVE = 64 * MEGABYTE


class FunctionService(Service[Settings, Fault]):
    """All that the service holds, and its answers.

    PUT | GET | DELETE  /functions/NAME              GET  /functions
    POST                /functions/NAME/invocations  POST /events
    POST                /functions/NAME/arrays       GET /arrays/NAME  POST /arrays/NAME/cancel
    """

    counters: Counters

    def __init__(self, settings: Settings, token: str, folder: Path) -> None:
        counters = Counters()
        super().__init__(settings, Faults, counters, token)
        self._functions = Functions(folder)
        self._fleet = Fleet(counters)
        self._invocations = Invocations(settings, self._fleet, counters)
        self._arrays = Arrays(settings, self._invocations, lambda: self.dice.throw())

    @property
    def most_bytes(self) -> int:
        """See `Service`."""
        return max(self.settings.request_bytes, LARGEST_ARCHIVE)

    async def empty(self) -> None:
        """See `Service`."""
        for function in self._functions.listed():
            self._fleet.retire(self._functions.delete(function.name))
        await self._arrays.close()
        await self._fleet.close()

    def configured(self) -> None:
        """See `Service`."""
        self._invocations.configure(self.settings)
        self._arrays.configure(self.settings)

    def route(self, request: Request, reply: Reply) -> None:
        """See `Service`."""
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
                reply(self._arrays.cancel(name, object_of(request).get("indexes") or ()))
            case ["events"] if request.method == "POST":
                reply(self._tell_events(request))
            case ["functions", name]:
                reply(self._control(name, request))
            case ["functions"] if request.method == "GET":
                reply(json_answer(200, functions=[function.described() for function in self._functions.listed()]))
            case _:
                reply(nothing_at(request))

    def _invoke(self, name: str, request: Request, reply: Reply) -> None:
        self.counters.requests += 1
        try:
            function = self._functions[name]
        except KeyError:
            reply(_no_function(name))
        else:
            self._invocations.start(function, request, reply, self.dice.throw())

    def _start_array(self, name: str, request: Request, reply: Reply) -> None:
        self.counters.requests += 1
        try:
            function = self._functions[name]
        except KeyError:
            reply(_no_function(name))
        else:
            self._arrays.start(function, request, reply)

    def _tell_events(self, request: Request) -> Answer:
        """Tell what became of invocations whose answers were not waited for, by the names that their client gave them."""
        self.counters.requests += 1
        names = object_of(request).get("names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return json_answer(400, error="bad_request", message="`names` must be a list of texts")
        return json_answer(200, events=self._invocations.states(names))

    def _control(self, name: str, request: Request) -> Answer:
        self.counters.requests += 1
        try:
            if request.method == "GET":
                return json_answer(200, **self._functions[name].described())
            if request.method == "PUT":
                spec = FunctionSpec.model_validate(object_of(request))
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


def _no_function(name: str) -> Answer:
    return json_answer(404, error="not_found", message=f"there is no function {name!r}")
