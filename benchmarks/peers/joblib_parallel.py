"""joblib.Parallel with its default backend (loky), automatic batches and automatic memory maps."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from peers import Function

IMPORT = "import joblib"
FIRST_RESULT = """
import os
from joblib import Parallel, delayed

def f(x):
    return x + 1

if __name__ == "__main__":
    with Parallel(n_jobs=os.cpu_count()) as parallel:
        assert parallel([delayed(f)(1)]) == [2]
        print("first result", flush=True)
"""


class Adapter:
    def open(self, workers: int) -> None:
        joblib = import_module("joblib")
        self.delayed = joblib.delayed
        self.workers = workers
        self.streaming: Any = None
        self.parallel = joblib.Parallel(n_jobs=workers)
        self.parallel.__enter__()

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        one = self.delayed(function)
        return list(self.parallel(one(item) for item in items))

    def stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        if self.streaming is None:
            self.streaming = import_module("joblib").Parallel(n_jobs=self.workers, return_as="generator")
        return iter(self.streaming(self.delayed(function)(item) for item in items))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        one = self.delayed(function)
        return list(self.parallel(one(shared, item) for item in items))

    def call(self, function: Function, item: object) -> object:
        return self.parallel([self.delayed(function)(item)])[0]

    def close(self) -> None:
        self.parallel.__exit__(None, None, None)
        import_module("joblib.externals.loky").get_reusable_executor().shutdown(wait=True)
