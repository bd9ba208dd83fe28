"""Configuration of the local store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from lithops.storage.local.backend import DEFAULT_BUCKET

if TYPE_CHECKING:
    from pathlib import Path


class LocalStorageConfig(BaseModel):
    """What section `localhost` says about storage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    storage_bucket: str = Field(
        DEFAULT_BUCKET, min_length=1, max_length=63, description="Bucket that is used where none is named."
    )
    root: Path | None = Field(
        None, description="Folder that holds the buckets; default: 'storage' in the state folder of this user."
    )
