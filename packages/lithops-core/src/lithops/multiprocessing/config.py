"""Parameters of `lithops.multiprocessing`, under the names that users know, and what the configuration says of it."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lithops.errors import ConfigError

if TYPE_CHECKING:
    from lithops.config.document import Document
    from lithops.config.redis_section import RedisSection
    from lithops.config.settings import Settings

LITHOPS_CONFIG = "LITHOPS_CONFIG"
STREAM_STDOUT = "STREAM_STDOUT"
REDIS_EXPIRY_TIME = "REDIS_EXPIRY_TIME"
ENV_VARS = "ENV_VARS"
CARRIER = "CARRIER"
EXPORT_EXECUTION_DETAILS = "EXPORT_EXECUTION_DETAILS"
PIPE_CONNECTION_TYPE = "PIPE_CONNECTION_TYPE"
LEAST_EXPIRY_S = 60
"""Processes say much more often than this that they still use what they share."""

_DEFAULTS: dict[str, Any] = {
    LITHOPS_CONFIG: {},
    STREAM_STDOUT: True,
    REDIS_EXPIRY_TIME: 3600,
    ENV_VARS: {},
    CARRIER: "auto",
    EXPORT_EXECUTION_DETAILS: None,  # this and the next are taken from existing programs, and have no effect
    PIPE_CONNECTION_TYPE: None,
}
_Rule = tuple[str, Callable[[Any], bool]]
_ANYTHING: _Rule = ("anything", lambda _: True)
_RULES: dict[str, _Rule] = {
    LITHOPS_CONFIG: ("a configuration as a dict of sections", lambda value: isinstance(value, Mapping)),
    STREAM_STDOUT: ("True or False", lambda value: isinstance(value, bool)),
    REDIS_EXPIRY_TIME: (
        f"a number of seconds, at least {LEAST_EXPIRY_S}",
        lambda value: type(value) in (int, float) and LEAST_EXPIRY_S <= value < math.inf,
    ),
    ENV_VARS: (
        "a dict of names and values that are text",
        lambda value: isinstance(value, dict) and all(type(text) is str for pair in value.items() for text in pair),
    ),
    CARRIER: ("'auto', 'local' or 'redis'", lambda value: value in ("auto", "local", "redis")),
}
_values = copy.deepcopy(_DEFAULTS)  # of the program, as the standard library's start method is


def set_parameter(key: str, value: Any) -> None:
    """Set a parameter; it holds for what is made afterwards.

    Raises `KeyError` for one that there is not, `ConfigError` for a value that it cannot have.
    """
    if key not in _DEFAULTS:
        raise KeyError(f"lithops.multiprocessing has no parameter {key!r}; there are {', '.join(sorted(_DEFAULTS))}")
    what, fits = _RULES.get(key, _ANYTHING)
    if not fits(value):
        raise ConfigError(f"the parameter {key} must be {what}, found {value!r}")
    _values[key] = value
    modules.cache_clear()


def get_parameter(key: str) -> Any:
    """Return a parameter; raises `KeyError` for one that there is not."""
    if key not in _DEFAULTS:
        raise KeyError(f"lithops.multiprocessing has no parameter {key!r}; there are {', '.join(sorted(_DEFAULTS))}")
    return _values[key]


def update(parameters: dict[str, Any]) -> None:
    """Set several parameters."""
    for key, value in parameters.items():
        set_parameter(key, value)


def settings() -> Settings:
    """Return the configuration that executors of this module get: `LITHOPS_CONFIG`, else what is found as always."""
    from lithops.config.resolution import resolve

    return resolve(config=_values[LITHOPS_CONFIG] or None)


def document() -> Document:
    """Return the same as it was written."""
    from lithops.config.document import Document
    from lithops.config.sources import locate, read

    source = locate(_values[LITHOPS_CONFIG] or None)
    return read(source) if source is not None else Document(origin="", sections={})


def redis_section() -> RedisSection | None:
    """Return section `redis`, validated; None if there is none."""
    written = document()
    if "redis" not in written.sections:
        return None
    from lithops.config.redis_section import read_section

    settings()  # refuses keys that nobody knows
    return read_section(written)


@lru_cache(maxsize=1)
def modules() -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return which modules are to travel by value and by name, as configured when that was first asked."""
    general = settings().lithops
    return general.include_modules, general.exclude_modules


def on_this_machine() -> bool:
    """Return whether processes run on this machine."""
    from lithops.config.settings import LOCALHOST

    return settings().mode == LOCALHOST


def parallel() -> int:
    """Return how many processes run best at the same time: what `cpu_count()` says."""
    compute = settings().compute
    if compute is None:
        return os.cpu_count() or 1
    processes: int = getattr(compute, "worker_processes", None) or 1
    workers: int = 1 if on_this_machine() else getattr(compute, "max_workers", None) or 1
    return processes * workers
