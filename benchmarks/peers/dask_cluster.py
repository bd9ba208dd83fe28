"""dask.distributed with a LocalCluster of processes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Function

IMPORT = "import distributed"
FIRST_RESULT = """
import os
from distributed import Client, LocalCluster

def f(x):
    return x + 1

if __name__ == "__main__":
    with LocalCluster(n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            assert client.submit(f, 1).result() == 2
            print("first result", flush=True)
"""


class Adapter:
    def open(self, workers: int) -> None:
        distributed = import_module("distributed")
        self.cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
        )
        self.client = distributed.Client(self.cluster)

    def map(self, function: Function, items: Sequence[Any]) -> list[Any]:
        return list(self.client.gather(self.client.map(function, items, pure=False)))

    def map_shared(self, function: Function, shared: object, items: Sequence[Any]) -> list[Any]:
        reference = self.client.scatter(shared, broadcast=True, hash=False)
        futures = [self.client.submit(function, reference, item, pure=False) for item in items]
        return list(self.client.gather(futures))

    def call(self, function: Function, item: object) -> object:
        return self.client.submit(function, item, pure=False).result()

    def close(self) -> None:
        self.client.close()
        self.cluster.close()
