"""Which lane the calls of an executor take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.errors import ConfigError
from lithops.types import Lane

if TYPE_CHECKING:
    from lithops.config import Settings
    from lithops.types import Limits


def choose(settings: Settings, limits: Limits, *, reached: bool) -> Lane:
    """Return the lane that `monitoring` asks for, or the cheapest of those that a backend without streams has.

    `reached` says whether workers reach the store.
    Raises `ConfigError` if there is none, or not the one that is asked for.
    """
    asked, backend = settings.monitoring, settings.backend
    if asked in ("auto", "response") and limits.response_bytes:
        return Lane.RESPONSE
    if asked == "response":
        raise ConfigError(
            f"monitoring is 'response', but backend {backend!r} does not answer with results; set it to 'auto'"
        )
    if asked not in ("auto", "storage"):
        raise ConfigError(
            f"monitoring is {asked!r}: this version has no lane that announces results on a channel; set it to 'auto'"
        )
    if not reached:
        why = (
            "monitoring is 'storage'" if limits.response_bytes else f"backend {backend!r} does not answer with results"
        )
        raise ConfigError(
            f"{why}, so they go through storage, but what keeps storage {settings.storage!r} is only on this machine, "
            f"which the workers of {backend!r} do not reach: set `storage` in section 'lithops' to one that they do"
        )
    return Lane.STORAGE
