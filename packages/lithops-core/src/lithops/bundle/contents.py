"""The files of a bundle, read from wherever the packages are installed.

The core goes whole: what runs calls is a small part of it, but users' functions may open a store or an executor.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.resources import files
from importlib.resources.abc import Traversable

from lithops.errors import PluginError
from lithops.records import field, record


@record
class Bundle:
    """Files by their path in the bundle, with `/`; the folder they are put into goes on `sys.path`."""

    files: Mapping[str, bytes] = field(repr=False)
    digest: str
    """The same for the same files, on every machine."""


def collect(*packages: str) -> Bundle:
    """Read the core, cloudpickle, and `packages` with all that is in them.

    These are top-level names, of pure Python. Raises `PluginError` for one that is not installed or compiled: what
    is compiled belongs to the runtime.
    """
    found: dict[str, bytes] = {}
    for package in dict.fromkeys(("lithops", "cloudpickle", *packages)):
        found.update(_read_package(package))
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\0{len(found[name])}\0".encode() + found[name])
    return Bundle(files={name: found[name] for name in sorted(found)}, digest=digest.hexdigest())


def _read_package(package: str) -> Iterator[tuple[str, bytes]]:
    try:
        root = files(package)
    except (ImportError, TypeError) as error:
        raise PluginError(
            f"package {package!r} is to go to workers but cannot be found: {error}; install it where the driver runs"
        ) from error
    module = sys.modules.get(package)
    if module is not None and not hasattr(module, "__path__"):
        raise PluginError(f"{package!r} is to go to workers and is a single module; make it a package")
    return _read(root, package)


def _read(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _read(entry, path)
        elif entry.name.endswith(tuple(EXTENSION_SUFFIXES)):
            raise PluginError(
                f"{path!r} is to go to workers and is compiled for this machine; name its distribution among the "
                "requirements of the runtime instead"
            )
        elif not entry.name.endswith(".pyc"):
            yield path, entry.read_bytes()
