"""What section `array_double` may say."""

from __future__ import annotations

from pydantic import Field

from lithops_testing.backends.faas.config import ServiceConfig


class ArrayDoubleConfig(ServiceConfig):
    """Section `array_double`."""

    array_size: int = Field(default=10_000, ge=2, le=10_000, description="activations of an array at most")
    max_workers: int | None = Field(  # type: ignore[assignment]  # here it may be unbounded
        default=None, ge=1, description="activations that are under way at once; by default as many as there are"
    )
