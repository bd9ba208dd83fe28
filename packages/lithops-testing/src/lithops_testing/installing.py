"""Make a plugin count as installed, for as long as a folder is on the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops_testing._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX = {
    "localhost": "lithops-backend-",
    "serverless": "lithops-backend-",
    "standalone": "lithops-backend-",
    "storage": "lithops-storage-",
    "monitor": "lithops-monitor-",
    "plugins": "lithops-plugin-",
}
"""Of the distribution's name, by the kind of the plugin."""


def distribution_of(kind: str, name: str) -> str:
    """Return what the distribution of a plugin is to be called."""
    return _PREFIX[kind] + name.replace("_", "-")


def declare_plugin(folder: Path, kind: str, name: str, target: str) -> str:
    """Write into `folder` what an installed distribution says of its plugin; return the folder, for `sys.path`.

    `kind` is the part behind `lithops.` of the entry-point group, `target` is `package.module:Class`. Other processes
    see the plugin with the folder in `PYTHONPATH`.
    """
    distribution = distribution_of(kind, name)
    info = folder / f"{distribution.replace('-', '_')}-{__version__}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {__version__}\n")
    (info / "entry_points.txt").write_text(f"[lithops.{kind}]\n{name} = {target}\n")
    return str(folder)
