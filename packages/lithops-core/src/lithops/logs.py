"""The library's own log, and a warning that belongs at its beginning."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lithops.config.settings import GlobalSettings

NAME = "lithops"


def set_up_logging(settings: GlobalSettings, level: str | bool | None = False) -> None:
    """Give the logger `lithops` a level and a handler, unless the program has given it some.

    `level` is an executor's `log_level`: False takes the configured one, None silences, text sets.
    """
    log = logging.getLogger(NAME)
    chosen = settings.log_level if level is False or level is True else level
    if level is False and (log.level != logging.NOTSET or log.handlers):
        return
    if chosen is None:
        log.setLevel(logging.CRITICAL + 1)
        return
    log.setLevel(str(chosen).upper())
    if log.handlers or logging.getLogger().handlers:
        return
    log.addHandler(_handler(settings))
    log.propagate = False


def _handler(settings: GlobalSettings) -> logging.Handler:
    if settings.log_filename:
        handler: logging.Handler = logging.FileHandler(Path(settings.log_filename).expanduser())
    else:
        handler = logging.StreamHandler(sys.stdout if settings.log_stream == "ext://sys.stdout" else sys.stderr)
    handler.setFormatter(logging.Formatter(settings.log_format))
    return handler


def namesake() -> str | None:
    """Return the version of the other distribution that brings a package of this name, if it is installed too."""
    for entry in sys.path:
        folder = Path(entry or ".")
        if folder.name not in ("site-packages", "dist-packages") or not folder.is_dir():
            continue
        for found in folder.glob("lithops-[0-9]*.dist-info"):
            return found.name.removesuffix(".dist-info").removeprefix("lithops-")
    return None


def warn_of_namesake() -> None:
    """Say once that two distributions write to the same folder."""
    version = namesake()
    if version is not None:
        logging.getLogger(__name__).warning(
            "the distribution 'lithops' %s is installed beside lithops-core: both bring a package 'lithops' and "
            "overwrite each other's files; uninstall it, then reinstall lithops-core",
            version,
        )
