"""What can go wrong on demand."""

from __future__ import annotations

import signal

from pydantic import BaseModel, ConfigDict, Field

from lithops_testing.service import faults


class Fault(faults.Fault):
    """A fault that may kill."""

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
