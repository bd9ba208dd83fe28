"""What can go wrong on demand, and the dice that decide when it does."""

from __future__ import annotations

import random
import signal
from collections import Counter

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """When something happens: to the next so many invocations, and to others with a probability."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    probability: float = Field(default=0.0, ge=0, le=1, description="for each invocation")
    next: int = Field(default=0, ge=0, description="so many invocations meet it for certain, before chance decides")
    seconds: float = Field(default=1.0, ge=0, description="how long, for faults that take time")
    signal: int = Field(default=signal.SIGKILL, ge=1, le=64, description="what kills, for crashes")


NEVER = Fault()


class Faults(BaseModel):
    """Every fault the service can show, none of them unless told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency: Fault = Field(default=NEVER, description="the answer takes `seconds` longer")
    throttle: Fault = Field(default=NEVER, description="429 although there is room; `seconds` is its Retry-After")
    cold_start: Fault = Field(default=NEVER, description="no warm environment is used; starting takes `seconds` longer")
    crash_before: Fault = Field(default=NEVER, description="the environment is killed before it begins")
    crash_after: Fault = Field(default=NEVER, description="the environment is killed after it has done the work")
    reclaim: Fault = Field(default=NEVER, description="the service takes the environment back before it begins")
    timeout: Fault = Field(default=NEVER, description="the environment is killed as if its time was up")
    memory: Fault = Field(default=NEVER, description="the environment is killed as if it had taken too much memory")
    duplicate: Fault = Field(default=NEVER, description="the work is done twice and answered once")
    lost_answer: Fault = Field(default=NEVER, description="the work is done and the connection cut")
    slow_body: Fault = Field(default=NEVER, description="the answer comes in pieces, over `seconds`")
    truncated_body: Fault = Field(default=NEVER, description="half of the answer comes, then the connection is cut")
    error_500: Fault = Field(default=NEVER, description="500 instead of the work")
    error_503: Fault = Field(default=NEVER, description="503 instead of the work")


class Dice:
    """Decides for one invocation after the other which faults it meets; the same for the same seed."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = {name: fault for name, fault in faults if fault != NEVER}
        self._left = {name: fault.next for name, fault in self._faults.items()}
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable, no secret
        self.thrown = Counter[str]()
        """How often each fault has happened."""

    def throw(self) -> dict[str, Fault]:
        """Return the faults that one invocation meets."""
        if not self._faults:
            return {}
        met = {name: fault for name, fault in self._faults.items() if self._hits(name, fault)}
        self.thrown.update(met.keys())
        return met

    def _hits(self, name: str, fault: Fault) -> bool:
        if self._left[name] > 0:
            self._left[name] -= 1
            return True
        return fault.probability > 0 and self._random.random() < fault.probability
