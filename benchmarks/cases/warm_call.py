"""One no-op call after another, each waited for."""

from __future__ import annotations

import time
from statistics import median, quantiles
from typing import TYPE_CHECKING

from process_tree import CpuMeter
from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from work import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

BUDGET_S = 1.5
IDLE_S = 0.5


def measure(peer: Peer, _variant: str, plan: Plan) -> dict[str, float]:
    began = time.perf_counter()
    for item in range(plan.sized(20)):
        assert peer.call(same, item) == item
        if time.perf_counter() - began > BUDGET_S:
            break
    taken: list[float] = []
    meter, began = CpuMeter(), time.perf_counter()
    while (len(taken) < 3000 and time.perf_counter() - began < BUDGET_S) or len(taken) < 3:
        start = time.perf_counter()
        peer.call(same, len(taken))
        taken.append(time.perf_counter() - start)
    cpu_s = meter.seconds()
    idle = CpuMeter()
    time.sleep(IDLE_S)
    idle_s = idle.seconds()
    return {
        "calls": len(taken),
        "wall_s": median(taken),
        "p99_s": quantiles(taken, n=100)[98] if len(taken) >= 100 else max(taken),
        "cpu_s": cpu_s / len(taken),
        "idle_share": idle_s / IDLE_S,
    }


def judge(results: Results) -> Sequence[Verdict]:
    ratio = results.ratio("warm_call", "call", OURS, "ppe", "wall_s")
    idle = results.median("warm_call", "call", OURS, "idle_share")
    return [
        at_most("warm no-op call -> result / ProcessPoolExecutor", ratio, 0.5, ".2f", "x"),
        at_most("no polling: CPU of all processes while an open executor idles", idle * 100, 0.1, ".2f", " %"),
    ]


CASE = Case(
    key="warm_call",
    title="Warm no-op call to result",
    about=(
        "Up to 3,000 calls (1.5 s) one after another on an open executor; medians over calls. "
        "Idle is the CPU share of the whole tree in the 0.5 s after the last call."
    ),
    variants=("call",),
    rounds={OURS: 7, "ppe": 7, "mp-pool": 3, "joblib": 2, "loky": 2, "mpire": 2, "ray": 2, "dask": 2, "lithops-3": 1},
    columns=(
        Column(title="wall us", value="wall_s", factor=1e6, digits=0),
        Column(title="p99 us", value="p99_s", factor=1e6, digits=0),
        Column(title="CPU us per call", value="cpu_s", factor=1e6, digits=0),
        Column(title="idle CPU %", value="idle_share", factor=100, digits=2),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
)
