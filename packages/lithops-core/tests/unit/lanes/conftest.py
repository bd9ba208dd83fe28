"""A store on this machine that counts what is asked of it, and fails on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import ObjectNotFound, StorageUnavailable
from lithops.storage.local.client import LocalStorageClient
from lithops.types import ObjectListing

BUCKET = "b"


class Counting:
    """A local store between the test and the tested."""

    def __init__(self, root: Path) -> None:
        self._store = LocalStorageClient(root)
        self.asked: Counter[str] = Counter()
        self.away = 0
        """So many of the next requests find it away."""
        self.hidden = 0
        """So often objects are not found, or not listed, although they are there."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def counted(*arguments: Any) -> Any:
            self.asked[name] += 1
            if self.away > 0:
                self.away -= 1
                raise StorageUnavailable("the store is away")
            if self.hidden > 0 and name in ("get_object", "list_objects"):
                self.hidden -= 1
                if name == "list_objects":
                    return ObjectListing(objects=iter(()))
                raise ObjectNotFound("the store does not show it yet")
            return method(*arguments)

        return counted


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "store")
