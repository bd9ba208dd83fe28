"""loky's reusable executor."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Function

IMPORT = "import loky"
FIRST_RESULT = """
from loky import get_reusable_executor

def f(x):
    return x + 1

if __name__ == "__main__":
    pool = get_reusable_executor()
    assert pool.submit(f, 1).result() == 2
    print("first result", flush=True)
    pool.shutdown(wait=True)
"""


class Adapter:
    def open(self, workers: int) -> None:
        self.pool = import_module("loky").get_reusable_executor(max_workers=workers, timeout=600)

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.pool.map(function, items))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        return self.map(partial(function, shared), items)

    def call(self, function: Function, item: object) -> object:
        return self.pool.submit(function, item).result()

    def close(self) -> None:
        self.pool.shutdown(wait=True)
