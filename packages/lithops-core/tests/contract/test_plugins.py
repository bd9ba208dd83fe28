"""The built-in plugins are held to the contract like any other."""

from __future__ import annotations

from lithops.localhost.plugin import Localhost
from lithops.storage.local.plugin import LocalStorage
from lithops_testing import PluginContract


class TestLocalhost(PluginContract):
    plugin_class = Localhost


class TestLocalStorage(PluginContract):
    plugin_class = LocalStorage
