"""Calls whose results come through an object store: how many requests that takes, and how soon the results are there."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from records import OURS, Case, Column, Plan, Results, Verdict, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

BACKEND = "lithops_testing.backends.faas.plugin:FaasDouble"
STORE = "lithops_testing.backends.store.plugin:StoreDouble"
STUB_MS, INVOKE_S, STORE_S = 5, 0.030, 0.015
INTERVAL_S = 0.5
INLINE, REFERENCED = "1,000 calls, inputs in the request", "100 calls, 1 MB inputs in the store"
CALLS = {INLINE: 1000, REFERENCED: 100}


def measure(_peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    import lithops
    from lithops_testing import FaasDouble, StoreDouble
    from lithops_testing.installing import declare_plugin

    for kind, name, target in (("serverless", "faas_double", BACKEND), ("storage", "store_double", STORE)):
        sys.path.insert(0, declare_plugin(Path.cwd() / name, kind, name, target))
    calls = plan.sized(CALLS[variant])
    with StoreDouble(latency_s=STORE_S) as store:
        os.environ.update(store.identity)  # stubs are the service's own, so they are let in as it is
        stub = {"stub_ms": STUB_MS} if variant == INLINE else {}
        with FaasDouble(latency_s=INVOKE_S - STUB_MS / 1000, **stub) as service:
            section = {**service.config, "environment": store.identity, "max_workers": 1000 if stub else 4}
            general = {"backend": "faas_double", "storage": "store_double", "monitoring": "storage"}
            config = {
                "lithops": {**general, "monitoring_interval": INTERVAL_S},
                "faas_double": section,
                "store_double": store.config,
            }
            items = [b"x" * (1 if stub else 1_100_000) for _ in range(calls)]
            with lithops.FunctionExecutor(config=config) as fexec:
                cpu, began = _cpu_s(), time.perf_counter()
                futures = fexec.map(len, items)
                fexec.get_result(futures)
                wall_s, ready, cpu_s = time.perf_counter() - began, time.time(), _cpu_s() - cpu
                last = max(future.stats["worker_end_tstamp"] for future in futures)
                asked, cold = store.counters()["by_kind"], service.counters()["cold_starts"]
    puts, gets, lists = asked.get("put", 0), asked.get("get", 0), asked.get("list", 0)
    inputs = 0 if stub else calls
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s / calls,
        "late_s": ready - last,
        "workers": (asked.get("put_if_absent", 0) + gets - calls - cold) / calls,
        "driver": (calls + lists + puts - inputs) / calls,
        "lists": lists,
    }


def _cpu_s() -> float:
    """Return what the driver has used; the services are children that have not ended, so they do not count."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def judge(results: Results) -> Sequence[Verdict]:
    def of(variant: str, name: str) -> float:
        return results.median("storage_lane", variant, OURS, name)

    return [
        at_most("storage lane: requests of a worker, inputs in the request", of(INLINE, "workers"), 1.1, ".2f", ""),
        at_most("storage lane: requests of a worker, inputs in the store", of(REFERENCED, "workers"), 2.1, ".2f", ""),
        at_most("storage lane: requests of the driver per activation", of(INLINE, "driver"), 1.1, ".2f", ""),
        at_most(
            "storage lane: from the last end of a call to the results, poll intervals",
            of(INLINE, "late_s") / INTERVAL_S,
            2.0,
            ".2f",
            "",
        ),
    ]


CASE = Case(
    key="storage_lane",
    title="Calls whose results come through a store",
    about=(
        "The two services of lithops-testing, each a process of its own on this machine, over TLS: functions that answer "
        f"after {INVOKE_S * 1000:.0f} ms and an object store that answers after {STORE_S * 1000:.0f} ms. Small inputs: "
        "nothing is run, and reports come from the service. Large inputs: workers run. Requests are per activation; those "
        "of a worker are its report and its input, without one for the function in each new environment; those of the "
        "driver are reports, looks and the function, without the inputs that it puts there."
    ),
    variants=tuple(CALLS),
    rounds={OURS: 3},
    columns=(
        Column(title="wall s", value="wall_s", digits=3),
        Column(title="driver's CPU ms per call", value="cpu_s", factor=1e3, digits=3),
        Column(title="s after the last call", value="late_s", digits=3),
        Column(title="requests of a worker", value="workers", digits=2),
        Column(title="requests of the driver", value="driver", digits=2),
        Column(title="looks", value="lists", digits=0),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
    kit=True,
    timeout_s=120.0,
)
