"""When something goes wrong, and the dice that decide it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """When something happens: to the next so many requests, and to others with a probability."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    probability: float = Field(default=0.0, ge=0, le=1, description="for each request")
    next: int = Field(default=0, ge=0, description="so many requests meet it for certain, before chance decides")
    seconds: float = Field(default=1.0, ge=0, description="how long, for faults that take time")


SomeFault = TypeVar("SomeFault", bound=Fault)


class Dice(Generic[SomeFault]):
    """Decides for one request after the other which faults it meets; the same for the same seed."""

    def __init__(self, faults: Mapping[str, SomeFault], seed: int) -> None:
        self._faults = {name: fault for name, fault in faults.items() if fault.probability > 0 or fault.next > 0}
        self._left = {name: fault.next for name, fault in self._faults.items()}
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable, no secret
        self.thrown = Counter[str]()
        """How often each fault has happened."""

    def throw(self) -> dict[str, SomeFault]:
        """Return the faults that one request meets."""
        if not self._faults:
            return {}
        met = {name: fault for name, fault in self._faults.items() if self._hits(name, fault)}
        self.thrown.update(met.keys())
        return met

    def _hits(self, name: str, fault: SomeFault) -> bool:
        if self._left[name] > 0:
            self._left[name] -= 1
            return True
        return fault.probability > 0 and self._random.random() < fault.probability


def seconds_of(faults: Mapping[str, SomeFault], name: str) -> float:
    """Return how long a fault takes; nothing if it is not among those that are met."""
    return faults[name].seconds if name in faults else 0.0
