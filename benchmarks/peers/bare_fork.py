"""The floor: fork, let each child run its share, wait; nothing is sent anywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Function

IMPORT = "import os"
FIRST_RESULT = ""


class Adapter:
    def open(self, workers: int) -> None:
        self.workers = workers

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        children = []
        for first in range(self.workers):
            child = os.fork()
            if child == 0:
                try:
                    for item in items[first :: self.workers]:
                        function(item)
                finally:
                    os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        return list(items)

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        raise NotImplementedError("a bare fork returns nothing")

    def call(self, function: Function, item: object) -> object:
        raise NotImplementedError("a bare fork returns nothing")

    def close(self) -> None:
        pass
