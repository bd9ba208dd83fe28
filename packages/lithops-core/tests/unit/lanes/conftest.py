"""A store on this machine that counts what is asked of it, and fails on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import StorageUnavailable
from lithops.storage.local.client import LocalStorageClient

BUCKET = "b"


class Counting:
    """A local store between the test and the tested."""

    def __init__(self, root: Path) -> None:
        self._store = LocalStorageClient(root)
        self.asked: Counter[str] = Counter()
        self.away = 0
        """So many of the next requests find it away."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def counted(*arguments: Any) -> Any:
            self.asked[name] += 1
            if self.away > 0:
                self.away -= 1
                raise StorageUnavailable("the store is away")
            return method(*arguments)

        return counted


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "store")
