"""lithops-core, as a user of it writes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from peers import Function

IMPORT = "import lithops"
FIRST_RESULT = """
import lithops

def f(x):
    return x + 1

if __name__ == "__main__":
    with lithops.FunctionExecutor() as fexec:
        assert fexec.call_async(f, 1).result() == 2
        print("first result", flush=True)
"""
CONFIG = """
lithops:
  backend: localhost
  execution_timeout: 600
localhost:
  worker_processes: {workers}
"""


class Adapter:
    """Keeps the futures of the last map, so that cases can read their stats."""

    def open(self, workers: int) -> None:
        self.executor: Any = import_module("lithops").FunctionExecutor(worker_processes=workers)
        self.futures: Any = ()

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        self.futures = self.executor.map(function, items)
        return list(self.executor.get_result(self.futures))

    def stream(self, function: Function, items: Iterable[Any]) -> Iterator[Any]:
        return iter(self.executor.imap(function, items))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        return self.map(function, [(shared, item) for item in items])

    def call(self, function: Function, item: object) -> object:
        return self.executor.call_async(function, item).result()

    def standard(self) -> tuple[Executor, Callable[..., object]]:
        module: Any = import_module("lithops.concurrent.futures")
        return module.Executor(self.executor), module.wait

    def close(self) -> None:
        self.futures = ()
        self.executor.close()
