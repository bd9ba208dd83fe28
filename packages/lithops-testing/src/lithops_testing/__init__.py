"""What authors of plugins test with: contract suites, services to test against, and a marker for what a test needs.

    from lithops_testing import PluginContract

    class TestAcme(PluginContract):
        plugin_class = Acme

Everything is loaded when it is first touched: pytest imports this package at every start where it is installed.
"""

from __future__ import annotations

from lithops_testing._version import __version__ as __version__

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from lithops_testing.array_runs import ArrayContract as ArrayContract
    from lithops_testing.faas import FaasDouble as FaasDouble
    from lithops_testing.objects import StoreDouble as StoreDouble
    from lithops_testing.plugin import PluginContract as PluginContract
    from lithops_testing.serverless import ServerlessContract as ServerlessContract
    from lithops_testing.serverless_runs import ServerlessRunsContract as ServerlessRunsContract
    from lithops_testing.storage import StorageContract as StorageContract

_HOME = {
    "ArrayContract": "lithops_testing.array_runs",
    "FaasDouble": "lithops_testing.faas",
    "PluginContract": "lithops_testing.plugin",
    "ServerlessContract": "lithops_testing.serverless",
    "ServerlessRunsContract": "lithops_testing.serverless_runs",
    "StorageContract": "lithops_testing.storage",
    "StoreDouble": "lithops_testing.objects",
}

__all__ = [
    "ArrayContract",
    "FaasDouble",
    "PluginContract",
    "ServerlessContract",
    "ServerlessRunsContract",
    "StorageContract",
    "StoreDouble",
    "__version__",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module 'lithops_testing' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
