"""What invocations cost at the service: nothing, so the prices are made up, in the shape that such services have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.types import Cost

if TYPE_CHECKING:
    from lithops.types import Usage
    from lithops_testing.backends.faas.config import ServiceConfig

AS_OF = "2026-11-01"
"""When the default prices were looked up; the section can have others."""


def cost_of(usage: Usage, config: ServiceConfig) -> Cost:
    """Return what a usage costs."""
    parts = {
        "requests": usage.activations / 1e6 * config.price_per_million_requests,
        "memory": usage.gb_s * config.price_per_gb_s,
    }
    return Cost(amount=sum(parts.values()), currency="USD", as_of=AS_OF, parts=parts)
