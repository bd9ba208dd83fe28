"""concurrent.futures.ProcessPoolExecutor as it comes: one call per message."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from peers import Function

IMPORT = "import concurrent.futures.process"
FIRST_RESULT = """
from concurrent.futures import ProcessPoolExecutor

def f(x):
    return x + 1

if __name__ == "__main__":
    with ProcessPoolExecutor() as pool:
        assert pool.submit(f, 1).result() == 2
        print("first result", flush=True)
"""


class Adapter:
    def open(self, workers: int) -> None:
        self.workers = workers
        self.pool = ProcessPoolExecutor(workers)

    def chunksize(self, _calls: int) -> int:
        return 1

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.pool.map(function, items, chunksize=self.chunksize(len(items))))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        return list(self.pool.map(partial(function, shared), items, chunksize=self.chunksize(len(items))))

    def call(self, function: Function, item: object) -> object:
        return self.pool.submit(function, item).result()

    def standard(self) -> tuple[Executor, Callable[..., object]]:
        return self.pool, wait

    def close(self) -> None:
        self.pool.shutdown()
