"""Object stores as users see them: `Storage`, cloud objects, and the store on this machine.

Loaded when first touched, so that what only needs one of them does not wait for the others.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from lithops.errors import ObjectNotFound as StorageNoSuchKeyError
    from lithops.errors import StorageMismatchError as StorageConfigMismatchError
    from lithops.storage.cloudobject import CloudObject as CloudObject
    from lithops.storage.cloudobject import CloudObjectLocal as CloudObjectLocal
    from lithops.storage.cloudobject import CloudObjectUrl as CloudObjectUrl
    from lithops.storage.storage import Storage as Storage
    from lithops.storage.store import Store as Store

_HOME = {
    "CloudObject": ("lithops.storage.cloudobject", "CloudObject"),
    "CloudObjectLocal": ("lithops.storage.cloudobject", "CloudObjectLocal"),
    "CloudObjectUrl": ("lithops.storage.cloudobject", "CloudObjectUrl"),
    "Storage": ("lithops.storage.storage", "Storage"),
    "StorageConfigMismatchError": ("lithops.errors", "StorageMismatchError"),
    "StorageNoSuchKeyError": ("lithops.errors", "ObjectNotFound"),
    "Store": ("lithops.storage.store", "Store"),
}

__all__ = [
    "CloudObject",
    "CloudObjectLocal",
    "CloudObjectUrl",
    "Storage",
    "StorageConfigMismatchError",
    "StorageNoSuchKeyError",
    "Store",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "utils":  # as users know it after a plain `import lithops`
        return import_module("lithops.storage.utils")
    if name not in _HOME:
        raise AttributeError(f"module 'lithops.storage' has no attribute {name!r}")
    module, attribute = _HOME[name]
    value: object = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
