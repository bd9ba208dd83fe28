"""The storage contract, kept by the local store: as a client, as a plugin, and behind the plugin manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lithops.plugins import Plugins
from lithops.storage.local.client import LocalStorageClient
from lithops.storage.local.plugin import LocalStorage
from lithops.types import ExecutorInfo
from lithops_testing.storage import StorageContract

if TYPE_CHECKING:
    from pathlib import Path

    from lithops.storage.store import Store


class TestLocalStorageClient(StorageContract):
    put_creates_bucket = True

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStorageClient(tmp_path / "store")


class TestLocalStoragePlugin(StorageContract):
    put_creates_bucket = True

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        plugins = Plugins(None, LocalStorage())
        plugins.configure(
            ExecutorInfo(executor_id="x", mode="", backend="", storage="localhost", state_dir=str(tmp_path))
        )
        return plugins
