"""Calls as requests to a function service: what the driver takes for them, and how soon the results are there."""

from __future__ import annotations

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
IN_FLIGHT = 1000
STUB_MS = 5
INVOKE_S = 0.030
CALLS = {"1 call": 1, "1,000 calls": 1000, "10,000 calls": 10_000, "100,000 calls": 100_000, "300 calls, limited": 300}
LIMITED = "300 calls, limited"


def measure(_peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    import lithops
    from lithops_testing.faas import FaasDouble
    from lithops_testing.installing import declare_plugin

    sys.path.insert(0, declare_plugin(Path.cwd() / "kit", "serverless", "faas_double", BACKEND))
    calls = plan.sized(CALLS[variant]) if CALLS[variant] > 1 else 1
    limit = {"rate_per_s": 100, "burst": 50} if variant == LIMITED else {}
    double = FaasDouble(stub_ms=STUB_MS, latency_s=INVOKE_S - STUB_MS / 1000, **limit)
    try:
        section = {**double.config, "max_workers": IN_FLIGHT}
        with lithops.FunctionExecutor(config={"lithops": {"backend": "faas_double"}, "faas_double": section}) as fexec:
            before, cpu, began = _peak_bytes(), _cpu_s(), time.perf_counter()
            results = fexec.get_result(fexec.map(abs, range(calls)))
            wall_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu
            assert len(results) == calls
            counters = double.counters()
            return {
                "wall_s": wall_s,
                "per_call_s": wall_s / calls,
                "cpu_s": cpu_s / calls,
                "bytes": (_peak_bytes() - before) / calls,
                "connections": counters["connections"],
                "put_off": counters["throttled"],
            }
    finally:
        double.close()


def _cpu_s() -> float:
    """Return what the driver has used; the service is a child that has not ended, so it does not count."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def judge(results: Results) -> Sequence[Verdict]:
    def of(variant: str, name: str) -> float:
        return results.median("requests", variant, OURS, name)

    linear = results.ratio("requests", "100,000 calls", OURS, OURS, "per_call_s", other_variant="10,000 calls")
    return [
        at_most("function service: 1 call, wall", of("1 call", "wall_s"), 0.1, ".3f", " s"),
        at_most("function service: 1,000 calls, wall", of("1,000 calls", "wall_s"), 0.5, ".2f", " s"),
        at_most("function service: 10,000 calls, wall", of("10,000 calls", "wall_s"), 2.0, ".2f", " s"),
        at_most(
            "function service: 1,000 cold, driver's CPU per call", 1e3 * of("1,000 calls", "cpu_s"), 0.35, ".2f", " ms"
        ),
        at_most(
            "function service: 10,000, driver's CPU per call", 1e3 * of("10,000 calls", "cpu_s"), 0.2, ".2f", " ms"
        ),
        at_most("function service: 300 calls at 100 per s, burst 50", of(LIMITED, "wall_s"), 3.5, ".2f", " s"),
        at_most("function service: time per call of 100,000 / of 10,000", linear, 1.25, ".2f", "x"),
        at_most(
            "function service: 100,000 calls, driver's peak per call",
            of("100,000 calls", "bytes"),
            300,
            ".0f",
            " bytes",
        ),
    ]


CASE = Case(
    key="requests",
    title="Calls as requests to a function service",
    about=(
        "The platform double of lithops-testing, a process of its own on this machine, answers each request over TLS "
        f"after {INVOKE_S * 1000:.0f} ms and runs nothing, since the driver is what is measured: a map of `abs`, up to "
        f"{IN_FLIGHT:,} requests under way, on a new executor, so that all connections are cold. The double takes about as "
        "much of the processors as the driver."
    ),
    variants=tuple(CALLS),
    rounds={OURS: 3},
    columns=(
        Column(title="wall s", value="wall_s", digits=3),
        Column(title="driver's CPU ms per call", value="cpu_s", factor=1e3, digits=3),
        Column(title="peak bytes per call", value="bytes", digits=0),
        Column(title="connections", value="connections", digits=0),
        Column(title="put off", value="put_off", digits=0),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
    kit=True,
    timeout_s=120.0,
)
