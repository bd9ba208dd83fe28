"""What every service answers: who may ask, and what tests say to the service itself."""

from __future__ import annotations

import asyncio
import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lithops_testing.service.faults import Dice, SomeFault
from lithops_testing.service.settings import Settings
from lithops_testing.service.wire import Answer, Reply, Request, json_answer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lithops_testing.service.counters import Counters

SomeSettings = TypeVar("SomeSettings", bound=Settings)

Door = Callable[[dict[str, Any]], Answer]
"""Takes a JSON object; raises `ValueError` for one that makes no sense."""


class Service(ABC, Generic[SomeSettings, SomeFault]):
    """A service and its answers; a subclass says in `route` what it is there for.

    PUT /admin/faults  PATCH /admin/settings  GET /admin/counters  POST /admin/outage  POST /admin/reset
    """

    def __init__(self, settings: SomeSettings, faults: type[BaseModel], counters: Counters, token: str) -> None:
        """`faults` has a field of `SomeFault` for everything that can go wrong."""
        self.settings = self._first = settings
        self.counters = counters
        self.dice: Dice[SomeFault] = Dice({}, settings.seed)
        self.outage: Callable[[float], None] | None = None
        """Refuses connections for so many seconds; set by who listens."""
        self._faults = faults
        self.token = token

    @property
    @abstractmethod
    def most_bytes(self) -> int:
        """How much of a body is read."""

    @abstractmethod
    def route(self, request: Request, reply: Reply) -> None:
        """Answer a request of somebody who may ask, sooner or later."""

    @abstractmethod
    async def empty(self) -> None:
        """Forget all that the service holds, and end all that it runs."""

    def configured(self) -> None:
        """Take note of other settings."""

    def refusal(self, request: Request) -> Answer | None:
        """Return the answer to somebody who may not ask."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return json_answer(401, error="unauthorized", message="send the header Authorization: Bearer TOKEN")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return json_answer(403, error="forbidden", message="this token is not the service's")
        return None

    def doors(self) -> dict[tuple[str, str], Door]:
        """Return what answers what tests say to the service itself, by method and the path behind /admin/."""
        return {
            ("PUT", "faults"): self._set_faults,
            ("PATCH", "settings"): self._set_settings,
            ("GET", "counters"): self._tell_counters,
            ("POST", "outage"): self._begin_outage,
        }

    def serve(self, request: Request, reply: Reply) -> None:
        """Answer a request, sooner or later."""
        refused = self.refusal(request)
        if refused is not None:
            reply(refused)
            return
        match request.path.strip("/").split("/"):
            case ["admin", "reset"] if request.method == "POST":
                self._resetting = asyncio.get_running_loop().create_task(self._reset(reply))
            case ["admin", what]:
                reply(self._administer(what, request))
            case _:
                self.route(request, reply)

    def _administer(self, what: str, request: Request) -> Answer:
        door = self.doors().get((request.method, what))
        if door is None:
            return nothing_at(request)
        try:
            return door(object_of(request))
        except ValueError as error:
            return json_answer(400, error="bad_request", message=str(error))

    def _set_faults(self, values: dict[str, Any]) -> Answer:
        self.dice = Dice(dict(self._faults.model_validate(values)), self.settings.seed)
        return json_answer(200)

    def _set_settings(self, values: dict[str, Any]) -> Answer:
        self.settings = self.settings.model_validate({**self.settings.model_dump(), **values})
        self.configured()
        return json_answer(200)

    def _tell_counters(self, values: dict[str, Any]) -> Answer:
        return json_answer(200, **vars(self.counters), faults=self.dice.thrown)

    def _begin_outage(self, values: dict[str, Any]) -> Answer:
        seconds = values.get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= 600:
            raise ValueError(f"an outage has so many `seconds`, up to 600; found {seconds!r}")
        assert self.outage is not None, "who sent this came over a connection"
        self.outage(seconds)
        return json_answer(200)

    async def _reset(self, reply: Reply) -> None:
        await self.empty()
        self.settings = self._first
        self._set_settings({})
        self._set_faults({})
        self.counters.reset()
        reply(json_answer(200))


def object_of(request: Request) -> dict[str, Any]:
    """Read the JSON object that is the body of a request. Raises `ValueError`."""
    value = json.loads(request.body or b"{}")
    if not isinstance(value, dict):
        raise ValueError(f"the body must be a JSON object, found {type(value).__name__}")
    return value


def nothing_at(request: Request) -> Answer:
    """Return the answer to a request that leads nowhere."""
    return json_answer(404, error="not_found", message=f"there is nothing at {request.method} {request.path}")
