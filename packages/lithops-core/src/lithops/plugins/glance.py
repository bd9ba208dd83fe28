"""Tell in a millisecond whether anything but the core itself can have installed plugins.

`importlib.metadata` takes longer to import than the first call takes to run, and on most machines it would find
what is known beforehand. So this looks where it would look, and errs on its side: whatever is not an ordinary folder
with ordinary metadata in it means yes.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from os import scandir

_OWN = "lithops_core"
_GROUP = b"[lithops."


def foreign_plugins_possible() -> bool:
    """Return False if only the core's own entry points can be found, True if `importlib.metadata` has to be asked."""
    for finder in sys.meta_path:
        if finder is not PathFinder and getattr(finder, "find_distributions", None) is not None:
            return True
    return any(_may_hold_plugins(entry) for entry in dict.fromkeys(sys.path))


def _may_hold_plugins(entry: object) -> bool:
    if not isinstance(entry, str) or entry.lower().endswith(".egg"):
        return True
    try:
        names = [child.name for child in scandir(entry or ".")]
    except NotADirectoryError:  # a zip file holds metadata, too
        return True
    except OSError:  # not there, or not ours to read: importlib.metadata finds nothing there either
        return False
    return any(_is_foreign(entry, name) for name in names)


def _is_foreign(entry: str, name: str) -> bool:
    stem, dot, suffix = name.lower().rpartition(".")
    if not dot or suffix not in ("dist-info", "egg-info") or stem.partition("-")[0] == _OWN:
        return False
    try:
        # open() beats Path.read_bytes() by the import of pathlib
        with open(f"{entry or '.'}/{name}/entry_points.txt", "rb") as file:  # noqa: PTH123
            return _GROUP in file.read()
    except OSError:
        return False
