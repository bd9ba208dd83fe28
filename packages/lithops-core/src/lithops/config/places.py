"""Where configuration is looked for. Imports nothing, so that an executor can look before all else."""

from __future__ import annotations

import os

TEXT_VARIABLE = "LITHOPS_CONFIG"
FILE_VARIABLE = "LITHOPS_CONFIG_FILE"


def search_list() -> tuple[str, ...]:
    """Return the config files that are looked for when none is named, in order; the first that exists is used."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib would cost the start of a program without config 3 ms
    return (".lithops_config", f"{home}/.lithops/config", "/etc/lithops/config")


def is_silent() -> bool:
    """Whether neither the environment nor a file says anything."""
    named = os.environ.get(TEXT_VARIABLE) or os.environ.get(FILE_VARIABLE)
    return not named and not any(os.path.lexists(path) for path in search_list())
