"""ray tasks on a local node."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Function

IMPORT = "import ray"
FIRST_RESULT = """
import os
import ray

@ray.remote
def f(x):
    return x + 1

if __name__ == "__main__":
    ray.init(include_dashboard=False, logging_level=40, _temp_dir=os.environ["TMPDIR"] + "/r")
    assert ray.get(f.remote(1)) == 2
    print("first result", flush=True)
    ray.shutdown()
"""


class Adapter:
    def open(self, workers: int) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"  # silences a warning about a default that will change
        self.remotes: dict[Function, Any] = {}
        self.folder = tempfile.mkdtemp(prefix="r")
        self.ray = import_module("ray")
        self.ray.init(
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=2 << 30,
            _temp_dir=self.folder,
        )

    def remote(self, function: Function) -> Any:
        if function not in self.remotes:  # a user decorates once
            self.remotes[function] = self.ray.remote(function)
        return self.remotes[function]

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        remote = self.remote(function)
        return list(self.ray.get([remote.remote(item) for item in items]))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        remote = self.remote(function)
        reference = self.ray.put(shared)
        return list(self.ray.get([remote.remote(reference, item) for item in items]))

    def call(self, function: Function, item: object) -> object:
        return self.ray.get(self.remote(function).remote(item))

    def close(self) -> None:
        self.ray.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)
