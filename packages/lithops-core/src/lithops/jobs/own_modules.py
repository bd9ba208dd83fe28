"""Which loaded modules are the user's own, judged by where they live.

A module is the user's own when its source lies in no place that packages are installed into: neither beside the
standard library, nor in a `site-packages` or `dist-packages` folder, nor in a folder where an installer has recorded
it (`pip install --target`). So scripts, packages next to them and editable installs are own.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType
from typing import NamedTuple

_PLATFORM = re.compile(r"lithops|lithops_(backend|storage|provider|monitor|plugin)_\w+|lithops_testing|cloudpickle")
"""Top-level names that a worker has, even if they are installed editable here."""

_INSTALL_FOLDERS = frozenset({"site-packages", "dist-packages"})


class Loaded(NamedTuple):
    """The user's modules among those loaded."""

    own: frozenset[str]
    """Those with Python source."""
    binary: frozenset[str]
    """Extension modules, which can only travel by reference."""


class OwnModules:
    """Keeps the judgement of each module name, so that a look at a thousand loaded modules is made once."""

    def __init__(self) -> None:
        self._judged: set[str] = set()
        self._stamp: tuple[int, str] | None = None
        self._loaded = Loaded(frozenset(), frozenset())

    def loaded(self) -> Loaded:
        """Return the user's modules among those that are loaded now or were at an earlier call."""
        stamp = modules_stamp()
        if stamp is None or stamp != self._stamp:
            own, binary = set(self._loaded.own), set(self._loaded.binary)
            for name, module in list(sys.modules.items()):
                if name in self._judged or not isinstance(module, ModuleType):
                    continue
                self._judged.add(name)
                if is_own(name, module):
                    file = vars(module).get("__file__") or ""
                    (binary if file.endswith(tuple(EXTENSION_SUFFIXES)) else own).add(name)
            self._loaded, self._stamp = Loaded(frozenset(own), frozenset(binary)), stamp
        return self._loaded


def modules_stamp() -> tuple[int, str] | None:
    """Return a value that changes whenever a module is loaded; `None` if one is being loaded right now."""
    try:
        return len(sys.modules), next(reversed(sys.modules))
    except RuntimeError:  # another thread imports
        return None


def is_own(name: str, module: ModuleType) -> bool:
    """Tell whether a module is the user's own. `__main__` is not asked about: it always travels by value."""
    top = name.partition(".")[0]
    if top == "__main__" or _PLATFORM.fullmatch(top):
        return False
    namespace = vars(module)
    file = namespace.get("__file__")
    if isinstance(file, str):
        folder = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120 - pathlib is slow to import
        return not _installed(_ancestor(folder, name.count(".") + ("__path__" in namespace)), top)
    try:
        portions = [os.path.abspath(portion) for portion in namespace.get("__path__", ())]  # noqa: PTH100
    except Exception:  # noqa: BLE001 - a foreign object in the place of a module's path
        return False
    # A namespace package that is installed in part goes by reference; its own submodules are judged one by one.
    return bool(portions) and not any(_installed(_ancestor(p, name.count(".") + 1), top) for p in portions)


def _ancestor(folder: str, levels: int) -> str:
    for _ in range(levels):
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder


def _installed(folder: str, top: str) -> bool:
    if not _INSTALL_FOLDERS.isdisjoint(folder.split(os.sep)):  # noqa: PTH206 - as above
        return True
    if any(folder == place or folder.startswith(place + os.sep) for place in _standard_places()):
        return True
    return top in _recorded(folder)


@functools.cache
def _standard_places() -> tuple[str, ...]:
    # What sysconfig would say, which costs milliseconds to import.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (
        os.path.dirname(os.path.abspath(os.__file__)),  # noqa: PTH100, PTH120
        os.path.join(sys.base_exec_prefix, sys.platlibdir, version),  # noqa: PTH118
        os.path.join(sys.base_exec_prefix, "DLLs"),  # noqa: PTH118
    )


@functools.cache
def _recorded(folder: str) -> frozenset[str]:
    """Return the top-level names that installers have recorded in a folder; empty for most."""
    names: set[str] = set()
    try:
        entries = os.listdir(folder)  # noqa: PTH208
    except OSError:  # e.g. a zip archive
        return frozenset()
    for entry in entries:
        if entry.endswith(".dist-info"):
            try:
                with open(os.path.join(folder, entry, "RECORD"), encoding="utf-8") as record:  # noqa: PTH118, PTH123
                    names.update(line.partition("/")[0].partition(".py,")[0] for line in record)
            except (OSError, UnicodeDecodeError):
                continue
    return frozenset(names)
