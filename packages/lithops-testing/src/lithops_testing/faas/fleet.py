"""The environments of each function: warm ones are used again, new ones are made while there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from lithops_testing.faas.environment import Ended, Environment

if TYPE_CHECKING:
    from lithops_testing.faas.counters import Counters
    from lithops_testing.faas.functions import Function

NONE: Mapping[str, str] = MappingProxyType({})


class Fleet:
    """All environments there are."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._warm: dict[Function, list[Environment]] = {}
        self._all: set[Environment] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def take(
        self, function: Function, cold_start_s: float, *, cold: bool = False, variables: Mapping[str, str] = NONE
    ) -> Environment:
        """Return an environment that has nothing to do: the one used last, or a new one. Raises `Ended`.

        One with `variables` of its own is always new, and used once.
        """
        warm = [] if variables else self._warm.setdefault(function, [])
        while warm:
            environment = warm.pop()
            if environment.alive and not cold:
                return environment
            self.drop(environment)
        self._counters.cold_starts += 1
        environment = Environment(function, variables)
        self._all.add(environment)
        try:
            await asyncio.sleep(cold_start_s)
            await environment.start()
        except BaseException:  # it cannot begin, or nobody wants it any more
            self.drop(environment)
            raise
        return environment

    def give_back(self, environment: Environment) -> None:
        """Keep an environment for later, or let go of it if it is dead or its function is gone."""
        if environment.alive and not environment.variables and environment.function in self._warm:
            self._warm[environment.function].append(environment)
        else:
            self.drop(environment)

    def drop(self, environment: Environment) -> None:
        """End an environment, beside what else happens."""
        if environment in self._all:
            self._all.discard(environment)
            task = asyncio.get_running_loop().create_task(environment.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def retire(self, function: Function) -> None:
        """End the warm environments of a function; those at work end when they are done."""
        for environment in self._warm.pop(function, ()):
            self.drop(environment)

    async def close(self) -> None:
        """End all environments, whatever they do, and wait until they are gone."""
        for environment in list(self._all):
            environment.doom(Ended("unavailable", "the service ends"))
            self.drop(environment)
        self._warm.clear()
        while self._closing:
            await asyncio.wait(self._closing)
