"""What another interpreter needs to be a worker: the worker's rooms and cloudpickle, copied into one folder.

That interpreter has packages of its own, possibly another version of this library; the folder comes first on its
path and holds nothing but what workers import.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import cloudpickle

import lithops

_MODULES = ("__init__.py", "_version.py", "types.py", "objects.py", "records.py", "errors.py")
_ROOMS = ("worker", "pool")


def build_bundle(state_dir: Path) -> str:
    """Return the folder of the bundle, made on first use; its name is a digest of what is in it."""
    root = Path(lithops.__file__).parent
    files = {f"lithops/{name}": root / name for name in _MODULES}
    for room in _ROOMS:
        files.update((f"lithops/{room}/{path.name}", path) for path in sorted((root / room).glob("*.py")))
    pickler = Path(cloudpickle.__file__).parent
    files.update((f"cloudpickle/{path.name}", path) for path in sorted(pickler.glob("*.py")))
    digest = hashlib.sha256()
    contents = {name: path.read_bytes() for name, path in files.items()}
    for name, data in contents.items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    target = state_dir / "bundles" / digest.hexdigest()[:20]
    if not target.is_dir():
        _write(target, contents)
    return str(target)


def _write(target: Path, contents: dict[str, bytes]) -> None:
    """Write aside and move into place, so that nobody sees half a bundle."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for name, data in contents.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        os.replace(aside, target)  # noqa: PTH105 - fails where another process was first, and then its bundle is ours
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        if not target.is_dir():
            raise
