"""What the object store can be told at its start, and changed while it runs."""

from __future__ import annotations

from pydantic import Field

from lithops_testing.service import settings
from lithops_testing.service.settings import MEGABYTE


class Settings(settings.Settings):
    """How the store behaves as long as nothing goes wrong."""

    latency_s: float = Field(default=0.0, ge=0, description="added to each request; of large stores some 0.015")
    visible_after_s: float = Field(
        default=0.0, ge=0, description="a new object is read and listed only after so long; conditions know it at once"
    )
    object_bytes: int = Field(default=1024 * MEGABYTE, ge=1, description="largest object")
