"""Find, load, check and call plugins: the one door through which every backend comes, the built-in ones included."""

from __future__ import annotations

from lithops.plugins.checks import check_plugin, config_model
from lithops.plugins.discovery import PluginInfo, find, installed, load
from lithops.plugins.facade import Plugins
from lithops.plugins.opening import open_plugins

__all__ = [
    "PluginInfo",
    "Plugins",
    "check_plugin",
    "config_model",
    "find",
    "installed",
    "load",
    "open_plugins",
]
