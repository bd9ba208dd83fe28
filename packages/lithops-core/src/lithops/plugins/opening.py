"""From names to the plugins of one executor."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lithops.errors import PluginError
from lithops.plugins.discovery import find, installed, load, sole
from lithops.plugins.facade import Plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.plugins.discovery import PluginInfo

logger = logging.getLogger(__name__)


def open_plugins(*, compute: str, storage: str | None = None, monitor: str | None = None) -> Plugins:
    """Make an executor's plugins: the chosen ones by name, and every cross-cutting plugin that is installed.

    Raises `PluginError` for a chosen plugin that is missing, contested or broken. A broken cross-cutting plugin,
    which nobody chose, is left out with a warning.
    """
    origins: dict[object, PluginInfo] = {}

    def make(family: str, name: str | None) -> object | None:
        return None if name is None else _make(find(family, name), origins)

    return Plugins(
        make("compute", compute),
        make("storage", storage),
        make("monitor", monitor),
        _cross_cutting(origins),
        origins=origins,
    )


def open_cross_cutting() -> Plugins:
    """Make the cross-cutting plugins alone, for what needs no executor: the commands they add, say."""
    origins: dict[object, PluginInfo] = {}
    return Plugins(None, others=_cross_cutting(origins), origins=origins)


def _cross_cutting(origins: dict[object, PluginInfo]) -> Sequence[object]:
    claims: dict[str, list[PluginInfo]] = {}
    for info in installed("plugins"):
        claims.setdefault(info.name, []).append(info)
    made: list[object] = []
    for infos in claims.values():
        try:
            made += [_make(info, origins) for info in (sole(infos),) if info]
        except PluginError as error:
            logger.warning("left out: %s", error)
    return made


def _make(info: PluginInfo, origins: dict[object, PluginInfo]) -> object:
    plugin_class = load(info)
    try:
        plugin: object = plugin_class()
    except Exception as error:  # a stranger's code
        raise PluginError(
            f"{info} cannot be made: {info.target!r} called without arguments raised "
            f"{type(error).__name__}: {error}; do such work in the hook 'configure'"
        ) from error
    origins[plugin] = info
    return plugin
