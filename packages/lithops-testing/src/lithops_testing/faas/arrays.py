"""Arrays: one request starts many activations of a function, each in an environment of its own that knows its index."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from lithops_testing.faas.environment import Ended
from lithops_testing.service.wire import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lithops_testing.faas.faults import Fault
    from lithops_testing.faas.functions import Function
    from lithops_testing.faas.invocations import Invocations
    from lithops_testing.faas.settings import Settings
    from lithops_testing.service.wire import Reply, Request

INDEX = "FAAS_ARRAY_INDEX"
"""The variable in which an environment finds which part of the array is its own."""
SIZE, NAME = "x-array-size", "idempotency-key"
"""Headers of the request: how many activations; what its client calls the array."""


class _Array:
    """What happens to the activations of one array."""

    def __init__(self, function: Function, body: bytes, size: int) -> None:
        self.function = function
        self.body = body
        self.made = time.monotonic()
        self.tasks: list[asyncio.Task[None]] = []
        self._told: list[list[tuple[float, dict[str, Any]]]] = [[] for _ in range(size)]
        for index in range(size):
            self.note(index, "queued")

    def note(self, index: int, phase: str, error: str = "", message: str = "") -> None:
        """Take note of what has become of an activation."""
        self._told[index].append(
            (time.monotonic(), {"index": index, "phase": phase, "error": error, "message": message})
        )

    def states(self, at: float) -> list[dict[str, Any]]:
        """Return what was known at a time, the last of each activation."""
        return [[said for when, said in told if when <= at or told[0][0] == when][-1] for told in self._told]


class Arrays:
    """All arrays, by the names that their clients gave them."""

    def __init__(self, settings: Settings, invocations: Invocations, throw: Callable[[], Mapping[str, Fault]]) -> None:
        """`throw` says which faults the next request, or the next activation, meets."""
        self._invocations = invocations
        self._throw = throw
        self._arrays: dict[str, _Array] = {}
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Go on under other settings."""
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.array_slots)

    def start(self, function: Function, request: Request, reply: Reply) -> None:
        """Start an array; a second request for the same one starts nothing."""
        faults = self._throw()
        refused = self._invocations.refused_by(faults) or self._refused(request)
        if refused is not None:
            reply(refused)
            return
        name, size = request.headers[NAME], int(request.headers[SIZE])
        if name not in self._arrays:
            array = self._arrays[name] = _Array(function, request.body, size)
            loop = asyncio.get_running_loop()
            array.tasks = [loop.create_task(self._run(array, index)) for index in range(size)]
        reply(Answer(status=202, sent=0.0) if "lost_answer" in faults else json_answer(202, array=name))

    def described(self, name: str) -> Answer:
        """Tell the states of an array, as old as the settings say; there is none before it was made."""
        array = self._arrays.get(name)
        at = time.monotonic() - self._settings.state_lag_s
        if array is None or array.made > at:
            return _no_array(name)
        return json_answer(200, states=array.states(at))

    def cancel(self, name: str, indexes: Sequence[int]) -> Answer:
        """End activations of an array, whatever they do."""
        array = self._arrays.get(name)
        if array is None:
            return _no_array(name)
        for index in indexes:
            if 0 <= index < len(array.tasks):
                array.tasks[index].cancel()
        return json_answer(200, array=name)

    async def close(self) -> None:
        """End everything."""
        tasks = [task for array in self._arrays.values() for task in array.tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._arrays.clear()

    def _refused(self, request: Request) -> Answer | None:
        size, most = request.headers.get(SIZE, ""), self._settings.array_size
        if not (size.isascii() and size.isdigit() and 1 <= int(size) <= most):
            return json_answer(400, error="bad_array", message=f"an array has 1 to {most:,} activations, not {size!r}")
        if not request.headers.get(NAME):
            return json_answer(400, error="bad_array", message=f"an array needs the header {NAME}")
        if request.size_bytes > self._settings.array_bytes:
            message = f"the request has {request.size_bytes:,} bytes, and {self._settings.array_bytes:,} are the most"
            return json_answer(413, error="request_too_large", message=message)
        return None

    async def _run(self, array: _Array, index: int) -> None:
        try:
            async with self._slots:
                array.note(index, "running")
                await self._invocations.run(array.function, array.body, self._throw(), {INDEX: str(index)})
        except Ended as ended:
            array.note(index, "gone", ended.code, str(ended))
        except asyncio.CancelledError:
            array.note(index, "gone", "cancelled", "it was cancelled")
            raise
        else:
            array.note(index, "gone")


def _no_array(name: str) -> Answer:
    return json_answer(404, error="not_found", message=f"there is no array {name!r}")
