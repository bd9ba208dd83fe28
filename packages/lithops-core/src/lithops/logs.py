"""The library's own log, and a warning that belongs at its beginning."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from lithops.errors import ConfigError

if TYPE_CHECKING:
    from lithops.config.settings import GlobalSettings, Settings

NAME = "lithops"


def set_up_logging(settings: GlobalSettings, level: str | int | None = False) -> None:
    """Give the logger `lithops` a level and a handler, unless the program has given it some.

    `level` is an executor's `log_level`: False takes the configured one, None silences, text or a number sets. Raises
    `ConfigError` for an unknown level and a file that cannot be written.
    """
    log = logging.getLogger(NAME)
    chosen = settings.log_level if level is False or level is True else level
    if level is False and (log.level != logging.NOTSET or log.handlers):
        return
    if chosen is None:
        log.setLevel(logging.CRITICAL + 1)
        return
    try:
        log.setLevel(chosen.upper() if isinstance(chosen, str) else chosen)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"log_level is {chosen!r}; it must be DEBUG, INFO, WARNING, ERROR, CRITICAL, a number, or None for silence"
        ) from error
    if log.handlers:
        return
    heard = bool(logging.getLogger().handlers)  # the program has its own way to show records
    for handler in _handlers(settings, with_stream=not heard):
        log.addHandler(handler)
    log.propagate = heard


def _handlers(settings: GlobalSettings, with_stream: bool) -> list[logging.Handler]:
    formatter = logging.Formatter(settings.log_format)
    handlers: list[logging.Handler] = []
    if settings.log_filename:
        path = os.path.expanduser(settings.log_filename)  # noqa: PTH111 - pathlib takes 3 ms
        try:
            handlers.append(logging.FileHandler(path))
        except OSError as error:
            raise ConfigError(
                f"log_filename {settings.log_filename!r} cannot be written: {error.strerror}; name a file that can"
            ) from error
    if with_stream:
        handlers.append(logging.StreamHandler(sys.stdout if settings.log_stream == "ext://sys.stdout" else sys.stderr))
    for handler in handlers:
        handler.setFormatter(formatter)
    return handlers


def namesake() -> str | None:
    """Return the version of the other distribution that brings a package of this name, if it is installed too."""
    for entry in sys.path:
        if os.path.basename(entry) not in ("site-packages", "dist-packages"):  # noqa: PTH119 - pathlib takes 3 ms
            continue
        with contextlib.suppress(OSError), os.scandir(entry) as found:
            for item in found:
                if item.name.startswith("lithops-") and item.name.endswith(".dist-info"):
                    return item.name.removesuffix(".dist-info").removeprefix("lithops-")
    return None


_told: list[bool] = []  # whether the warning below was given in this process


def tell_first_of(settings: Settings) -> None:
    """Log what the user should know of an executor's settings and, once in a process, of a broken installation."""
    log = logging.getLogger(__name__)
    for note in settings.notes:
        log.info("%s", note)
    if _told:
        return
    _told.append(True)
    version = namesake()
    if version is not None:
        log.warning(
            "the distribution 'lithops' %s is installed beside lithops-core: both bring a package 'lithops' and "
            "overwrite each other's files; uninstall it, then reinstall lithops-core",
            version,
        )
