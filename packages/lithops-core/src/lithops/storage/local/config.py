"""Configuration of the local store."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lithops.storage.local.backend import DEFAULT_BUCKET


class LocalStorageConfig(BaseModel):
    """What section `localhost` says about storage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    storage_bucket: str = Field(
        DEFAULT_BUCKET, min_length=1, max_length=63, description="Bucket that is used where none is named."
    )
    root: Path | None = Field(
        None, description="Folder that holds the buckets; default: 'storage' in the state folder of this user."
    )
