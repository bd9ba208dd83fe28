from __future__ import annotations

from pydantic import BaseModel


class HarbourConfig(BaseModel):
    berths: int = 4
