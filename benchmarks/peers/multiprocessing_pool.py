"""multiprocessing.Pool, which chunks a map by itself."""

from __future__ import annotations

import multiprocessing
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from peers import Function

IMPORT = "import multiprocessing.pool"
FIRST_RESULT = """
import multiprocessing

def f(x):
    return x + 1

if __name__ == "__main__":
    with multiprocessing.Pool() as pool:
        assert pool.apply(f, (1,)) == 2
        print("first result", flush=True)
"""


class Adapter:
    def open(self, workers: int) -> None:
        self.pool = multiprocessing.Pool(workers)

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return self.pool.map(function, items)

    def stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        return self.pool.imap(function, items, chunksize=100)

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        return self.pool.map(partial(function, shared), items)

    def call(self, function: Function, item: object) -> object:
        return self.pool.apply(function, (item,))

    def close(self) -> None:
        self.pool.close()
        self.pool.join()
