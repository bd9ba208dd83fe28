"""Where this user's state is kept on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from lithops.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

STATE_DIR_VARIABLE = "LITHOPS_STATE_DIR"


def state_folder() -> str:
    """Return this user's private state folder, made with mode 0700 where it does not exist.

    It is the folder that the platform has for such things, or the one that `LITHOPS_STATE_DIR` names. Raises
    `ConfigError` if it cannot be made, or belongs to or can be written by somebody else.
    """
    named = os.environ.get(STATE_DIR_VARIABLE)
    folder = os.path.abspath(os.path.expanduser(named)) if named else _platform_state_dir()  # noqa: PTH100, PTH111
    remedy = f"set {STATE_DIR_VARIABLE} to a folder of your own"
    if not os.path.isabs(folder):  # noqa: PTH117 - expanduser leaves the tilde where the user has no home
        raise ConfigError(f"the state folder {folder!r} has no home to be in; set HOME, or {remedy}")
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)  # noqa: PTH103, PTH120
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        found = os.stat(folder)  # noqa: PTH116
    except OSError as error:
        raise ConfigError(
            f"the state folder {folder!r} cannot be made: {error.strerror}: {error.filename!r}; {remedy}"
        ) from error
    if os.name == "posix":
        if found.st_uid != os.geteuid():
            raise ConfigError(
                f"the state folder {folder!r} belongs to user id {found.st_uid}, not to yours ({os.geteuid()}); {remedy}"
            )
        if found.st_mode & 0o022:
            raise ConfigError(
                f"the state folder {folder!r} can be written by others (mode {found.st_mode & 0o777:04o}); "
                f"chmod go-w it, or {remedy}"
            )
    return folder


def state_dir() -> Path:
    """Return `state_folder` as a path."""
    from pathlib import Path

    return Path(state_folder())


def logs_dir() -> Path:
    """Return the folder of call logs inside the state folder, made with mode 0700 where it does not exist."""
    folder = state_dir() / "logs"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the folder of logs {str(folder)!r} cannot be made: {error.strerror}; make room for it, or set "
            f"{STATE_DIR_VARIABLE} to a folder where it can"
        ) from error
    return folder


def _platform_state_dir() -> str:
    linux = sys.platform.startswith("linux")
    if linux:
        # what platformdirs answers, without the 10 ms that its import takes
        base = os.environ.get("XDG_STATE_HOME", "").strip()
        return f"{base or os.path.expanduser('~/.local/state')}/lithops"  # noqa: PTH111 - as above
    from platformdirs import user_state_dir

    return user_state_dir("lithops", appauthor=False)
