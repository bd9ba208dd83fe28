"""What a test declares counts as installed, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lithops.plugins import installed
from lithops_testing.installing import declare_plugin


def test_a_declared_plugin_is_found_while_its_folder_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = declare_plugin(tmp_path / "acme", "storage", "acme_store", "acme.plugin:Store")
    assert "acme_store" not in {info.name for info in installed()}
    monkeypatch.syspath_prepend(folder)
    (info,) = [info for info in installed("storage") if info.name == "acme_store"]
    assert (info.distribution, info.target) == ("lithops-storage-acme-store", "acme.plugin:Store")


def test_the_kit_alone_installs_no_backend() -> None:
    assert [info for info in installed() if info.target.startswith("lithops_testing")] == []
