"""Lithops 3 from PyPI on its localhost backend, used from outside only."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Function

IMPORT = "import lithops"
FIRST_RESULT = """
import sys
import lithops

def f(x):
    return x + 1

if __name__ == "__main__":
    config = {"lithops": {"backend": "localhost", "storage": "localhost"}, "localhost": {"runtime": sys.executable}}
    with lithops.FunctionExecutor(config=config, log_level=None) as fexec:
        assert fexec.call_async(f, 1).result() == 2
        print("first result", flush=True)
"""


class Adapter:
    def open(self, workers: int) -> None:
        config = {
            "lithops": {"backend": "localhost", "storage": "localhost", "data_limit": False},
            "localhost": {"runtime": sys.executable, "worker_processes": workers},
        }
        self.executor: Any = import_module("lithops").FunctionExecutor(config=config, log_level=None)

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        futures = self.executor.map(function, list(items))
        return list(self.executor.get_result(futures, show_progressbar=False))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        return self.map(function, [(shared, item) for item in items])

    def call(self, function: Function, item: object) -> object:
        return self.executor.call_async(function, item).result()

    def close(self) -> None:
        self.executor.__exit__(None, None, None)
