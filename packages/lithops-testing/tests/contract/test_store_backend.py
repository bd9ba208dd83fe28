"""The reference storage backend keeps every promise of a store, at the double."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lithops.plugins import Plugins
from lithops.storage.store import Store
from lithops.types import ExecutorInfo
from lithops_testing import PluginContract, StorageContract
from lithops_testing import StoreDouble as Service
from lithops_testing.backends.store.config import StoreDoubleConfig
from lithops_testing.backends.store.plugin import StoreDouble

INFO = ExecutorInfo(executor_id="x", mode="", backend="", storage="store_double", state_dir="")


class TestPlugin(PluginContract):
    plugin_class = StoreDouble

    @pytest.fixture(autouse=True)
    def _installed(self, store_backend: str) -> None:
        """Have its entry point found."""


class TestStorage(StorageContract):
    @pytest.fixture
    def store(self, store_double: Service) -> Iterator[Store]:
        plugins = Plugins(None, StoreDouble())
        plugins.configure(INFO, storage=StoreDoubleConfig.model_validate(store_double.config))
        yield plugins
        plugins.close()
