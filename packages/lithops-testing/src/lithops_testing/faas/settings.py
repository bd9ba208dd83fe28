"""What the function service can be told at its start, and changed while it runs."""

from __future__ import annotations

from pydantic import Field

from lithops_testing.service import settings
from lithops_testing.service.settings import MEGABYTE


class Settings(settings.Settings):
    """How the service behaves as long as nothing goes wrong."""

    stub_ms: float | None = Field(
        default=None,
        ge=0,
        description="run nothing: answer after so many ms that each call is done and has returned None; for measuring "
        "drivers",
    )
    latency_s: float = Field(default=0.0, ge=0, description="added to each invocation")
    cold_start_s: float = Field(default=0.0, ge=0, description="added to each start of an environment")
    activation_s: float = Field(default=0.0, ge=0, description="how long a new function is Pending")
    concurrency: int = Field(default=1000, ge=1, description="invocations of a function at once, unless it has its own")
    array_bytes: int = Field(default=30_000, ge=1, description="largest request of an array")
    array_size: int = Field(default=10_000, ge=1, description="activations of an array at most")
    array_slots: int = Field(default=4, ge=1, description="activations of arrays that run at once")
    state_lag_s: float = Field(default=0.0, ge=0, description="how old what is told of an array is")
    rate_per_s: float | None = Field(default=None, gt=0, description="invocations per second, beyond the burst")
    burst: int = Field(default=50, ge=1, description="invocations that may exceed the rate")
    request_bytes: int = Field(default=6 * MEGABYTE, ge=1, description="largest body of an invocation")
    event_bytes: int = Field(
        default=MEGABYTE, ge=1, description="the same of one whose answer is not waited for (X-Invocation-Type: event)"
    )
    response_bytes: int = Field(default=6 * MEGABYTE, ge=1, description="largest answer of a function")
