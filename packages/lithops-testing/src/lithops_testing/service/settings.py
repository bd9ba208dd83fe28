"""What every service can be told at its start, and changed while it runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MEGABYTE = 1 << 20


class Settings(BaseModel):
    """How a service behaves as long as nothing goes wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(default=0, ge=0, le=65535, description="port on loopback; 0: any that is free")
    seed: int = Field(default=0, description="of the dice that decide which requests meet a fault")
