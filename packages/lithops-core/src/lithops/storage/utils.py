"""Names that users import from here; they live elsewhere."""

from __future__ import annotations

from lithops.errors import ObjectNotFound as StorageNoSuchKeyError
from lithops.errors import StorageMismatchError as StorageConfigMismatchError
from lithops.storage.cloudobject import CloudObject, CloudObjectLocal, CloudObjectUrl

__all__ = [
    "CloudObject",
    "CloudObjectLocal",
    "CloudObjectUrl",
    "StorageConfigMismatchError",
    "StorageNoSuchKeyError",
]
