"""An object store on this machine: a process of its own that keeps objects in memory, for as long as it lives.

    with StoreDouble(latency_s=0.015) as store:
        print(store.endpoint, store.counters()["by_kind"])

Or by hand, `python -m lithops_testing.objects --help`. Nothing in here knows lithops, but for how byte ranges are read.
"""

from __future__ import annotations

from lithops_testing.objects.double import StoreDouble

__all__ = ["StoreDouble"]
