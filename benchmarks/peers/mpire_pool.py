"""mpire.WorkerPool with kept-alive workers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Function

IMPORT = "import mpire"
FIRST_RESULT = """
from mpire import WorkerPool

def f(x):
    return x + 1

if __name__ == "__main__":
    with WorkerPool() as pool:
        assert pool.apply(f, (1,)) == 2
        print("first result", flush=True)
"""


def _with_shared(shared: tuple[Function, object], item: object) -> object:
    function, value = shared
    return function(value, item)


class Adapter:
    def open(self, workers: int) -> None:
        self.workers = workers
        self.library = import_module("mpire")
        self.pool = self.library.WorkerPool(workers, keep_alive=True)

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        # An item that is a tuple, a dict or an array would be unpacked; wrapped in a tuple it arrives whole. An array
        # among the results would be concatenated unless told not to.
        whole = ((item,) for item in items)
        return list(self.pool.map(function, whole, iterable_len=len(items), concatenate_numpy_output=False))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        # Shared objects are inherited by fork, so they need a pool that starts after they are there.
        with self.library.WorkerPool(self.workers, shared_objects=(function, shared)) as pool:
            return list(pool.map(_with_shared, items))

    def call(self, function: Function, item: object) -> object:
        return self.pool.apply(function, (item,))

    def close(self) -> None:
        self.pool.stop_and_join()
