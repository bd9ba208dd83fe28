"""Find out of each installed plugin whether it could be used, by doing what an executor would do with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from lithops.errors import PluginError
from lithops.hookspecs import API_VERSION
from lithops.plugins import Plugins, config_model, find, installed, load
from lithops.records import record

if TYPE_CHECKING:
    from lithops.plugins import PluginInfo

State = Literal["ok", "broken", "contested", "needs newer API"]


@record
class Finding:
    """A plugin and its state."""

    info: PluginInfo
    state: State
    reason: str = ""
    """Why it cannot be used, and what to do."""


def examine() -> Iterator[Finding]:
    """Load the installed plugins one by one; no plugin, whatever it does, keeps others from being examined."""
    everything = installed()
    for info in everything:
        try:
            find(info.family, info.name, everything)
        except PluginError as error:
            yield Finding(info=info, state="contested", reason=str(error))
            continue
        try:
            _try_out(info)
        except PluginError as error:
            newer = _needed_api(info) > API_VERSION
            yield Finding(info=info, state="needs newer API" if newer else "broken", reason=str(error))
        else:
            yield Finding(info=info, state="ok")


def _try_out(info: PluginInfo) -> None:
    plugin_class = load(info)
    config_model(plugin_class)
    try:
        plugin = plugin_class()
    except Exception as error:  # a stranger's code
        raise PluginError(
            f"{info} cannot be made: {type(error).__name__}: {error}; do such work in the hook 'configure'"
        ) from error
    Plugins(
        plugin if info.family == "compute" else None,
        plugin if info.family == "storage" else None,
        plugin if info.family == "monitor" else None,
        [plugin] if info.family == "plugins" else [],
        origins={plugin: info},
    )


def _needed_api(info: PluginInfo) -> int:
    """Return the version that a plugin asks for, as far as its class could be imported."""
    module, _, path = info.target.partition(":")
    found: object = sys.modules.get(module)
    for attribute in path.split("."):
        found = getattr(found, attribute, None)
    needed = getattr(found, "api_version", 1)
    return needed if isinstance(needed, int) else 1
