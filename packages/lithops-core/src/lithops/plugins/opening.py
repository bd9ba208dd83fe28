"""From names to the plugins of one executor."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lithops.errors import PluginError
from lithops.plugins.discovery import find, installed, load
from lithops.plugins.facade import Plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.plugins.discovery import PluginInfo

logger = logging.getLogger(__name__)


def open_plugins(*, compute: str | None = None, storage: str | None = None, monitor: str | None = None) -> Plugins:
    """Make the plugins of an executor: the chosen ones by name, and every cross-cutting plugin that is installed.

    What has no use for a compute backend, such as the command line or a store on its own, names none. Raises
    `PluginError` for a chosen plugin that is missing, contested or broken. A broken cross-cutting plugin, which
    nobody chose, is left out with a warning.
    """
    origins: dict[object, PluginInfo] = {}
    everything = installed()

    def make(family: str, name: str | None) -> object | None:
        return None if name is None else _make(find(family, name, everything), origins)

    return Plugins(
        make("compute", compute),
        make("storage", storage),
        make("monitor", monitor),
        _cross_cutting(everything, origins),
        origins=origins,
    )


def _cross_cutting(everything: Sequence[PluginInfo], origins: dict[object, PluginInfo]) -> Sequence[object]:
    made: list[object] = []
    for name in sorted({info.name for info in everything if info.kind == "plugins"}):
        try:
            made.append(_make(find("plugins", name, everything), origins))
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
