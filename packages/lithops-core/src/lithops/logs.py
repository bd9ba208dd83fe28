"""The library's own log, and a warning that belongs at its beginning."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lithops.errors import ConfigError
from lithops.records import replaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lithops.config.settings import GlobalSettings, Settings

NAME = "lithops"


_SAID = ("log_level", "log_format", "log_stream", "log_filename")


class _SetUp:
    """What executors of this process have done to the logger, of which there is one."""

    level: int | None = None
    handlers: tuple[logging.Handler, ...] = ()
    said: Mapping[str, Any] = MappingProxyType({})
    """Keys that they had other than by default; of several executors, the last one's value."""


_set_up = _SetUp()


def set_up_logging(settings: GlobalSettings, level: str | int | None = False) -> None:
    """Give the logger `lithops` a level and handlers, unless the program has given it some.

    `level` is an executor's `log_level`: False takes the configured one, None silences, text or a number sets. What
    an earlier executor has set up stays, but for what these settings say other than by default. Raises `ConfigError`
    for an unknown level and a file that cannot be written.
    """
    log = logging.getLogger(NAME)
    ours = log.level == _set_up.level
    foreign = any(handler not in _set_up.handlers for handler in log.handlers)
    if level is False and (foreign or not (ours or log.level == logging.NOTSET)):
        return
    said = {**(_set_up.said if ours else {}), **_said(settings)}
    if level is not False and level is not True:
        said["log_level"] = level
    chosen = said.get("log_level", settings.log_level)
    number = _number(chosen)
    changed = any(said.get(key) != _set_up.said.get(key) for key in _SAID[1:])
    if not foreign and (changed or chosen is None or not log.handlers):
        heard = bool(logging.getLogger().handlers)  # the program has its own way to show records
        handlers = [] if chosen is None else _handlers(replaced(settings, **said), with_stream=not heard)
        for handler in _set_up.handlers:
            log.removeHandler(handler)
            handler.close()
        for handler in handlers:
            log.addHandler(handler)
        log.propagate = heard or not handlers
        _set_up.handlers = tuple(handlers)
    log.setLevel(number)
    _set_up.level, _set_up.said = number, said


def _said(settings: GlobalSettings) -> dict[str, Any]:
    default = type(settings)()
    return {key: value for key in _SAID if (value := getattr(settings, key)) != getattr(default, key)}


def _number(level: object) -> int:
    if level is None:
        return logging.CRITICAL + 1
    number = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
    if not isinstance(number, int):
        raise ConfigError(
            f"log_level is {level!r}; it must be DEBUG, INFO, WARNING, ERROR, CRITICAL, a number, or None for silence"
        )
    return number


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
