"""A bundle as a folder on this machine, made when it is first needed and kept."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lithops.bundle.contents import Bundle


def unpacked(bundle: Bundle, state_dir: Path) -> str:
    """Return the folder that holds the files of a bundle; its name is their digest."""
    target = state_dir / "bundles" / bundle.digest[:20]
    if not target.is_dir():
        _write(target, bundle)
    return str(target)


def _write(target: Path, bundle: Bundle) -> None:
    """Write aside and move into place, so that nobody sees half a bundle."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for name, data in bundle.files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        os.replace(aside, target)  # noqa: PTH105 - fails where another process was first, and then its bundle is ours
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        if not target.is_dir():
            raise
