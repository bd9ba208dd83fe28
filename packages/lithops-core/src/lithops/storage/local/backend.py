"""The driver's part of the local store: where it lies."""

from __future__ import annotations

from os.path import expanduser, realpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

DEFAULT_BUCKET = "storage"


def default_root(state_dir: str | PathLike[str] | None = None) -> str:
    """Return the folder of the store inside the state folder, by default the one of this user. Makes nothing in it."""
    if state_dir is None:
        from lithops.config.paths import state_dir as own_state_dir

        state_dir = own_state_dir()
    return f"{state_dir}/storage"


def settle_root(root: str | PathLike[str] | None) -> str:
    """Return the absolute folder of a store, so that a worker that starts elsewhere finds the same one."""
    return realpath(expanduser(root or default_root()))  # noqa: PTH111 - pathlib would cost every worker 3 ms
