"""What can go wrong on demand."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from lithops_testing.service.faults import Fault

NEVER = Fault()


class Faults(BaseModel):
    """Every fault the store can show, none of them unless told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency: Fault = Field(default=NEVER, description="the answer takes `seconds` longer")
    slow_down: Fault = Field(default=NEVER, description="503 instead of the work")
    error_500: Fault = Field(default=NEVER, description="500 instead of the work")
    denied: Fault = Field(default=NEVER, description="403 instead of the work")
    lost_answer: Fault = Field(default=NEVER, description="the work is done and the connection cut")
    truncated_body: Fault = Field(default=NEVER, description="half of the answer comes, then the connection is cut")
