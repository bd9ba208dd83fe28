"""200 calls of 24 ms CPU: what is lost to a bare fork, which has nothing to schedule or to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import burn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

CALLS = 200


def measure(peer: Peer, _variant: str, plan: Plan) -> dict[str, float]:
    slow = type(peer).__module__.endswith("lithops_release")
    calls = 40 if slow else plan.sized(CALLS)
    if not slow:
        peer.map(burn, range(2 * plan.workers))
    with Stopwatch() as watch:
        results = peer.map(burn, range(calls))
    assert results == list(range(calls))
    return {**watch.values(), "wall_per_call_s": watch.wall_s / calls, "cpu_per_call_s": watch.cpu_s / calls}


def judge(results: Results) -> Sequence[Verdict]:
    ratio = results.ratio("cpu_bound", "map", OURS, "bare-fork", "wall_per_call_s")
    return [at_most("200 x 24 ms CPU / bare fork, median of rounds", ratio, 1.03, ".3f", "x")]


CASE = Case(
    key="cpu_bound",
    title="CPU-bound map, 200 x 24 ms",
    about=(
        "Each call uses 24 ms of CPU time, however long that takes. The bare fork forks one child per worker inside "
        "the measured time, gives each every W-th call and sends nothing back. lithops 3 runs 40 calls."
    ),
    variants=("map",),
    rounds={
        OURS: 10,
        "bare-fork": 10,
        "ppe": 10,
        "loky": 6,
        "mpire": 6,
        "mp-pool": 3,
        "joblib": 3,
        "ray": 2,
        "dask": 2,
        "lithops-3": 1,
    },
    columns=(
        Column(title="wall ms per call", value="wall_per_call_s", factor=1e3, digits=3),
        Column(title="CPU ms per call", value="cpu_per_call_s", factor=1e3, digits=3),
    ),
    compared="wall_per_call_s",
    judge=judge,
    measure=measure,
)
