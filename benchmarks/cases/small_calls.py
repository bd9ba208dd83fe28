"""A map of 10,000 no-ops on a warm executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

CALLS = 10_000
PLAIN, TOUCHED, STATS = "map", "map, every future touched", "map, every future's stats read"


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    slow = type(peer).__module__.endswith("lithops_release")
    calls = 20 if slow else plan.sized(CALLS)
    if not slow:
        peer.map(same, range(50))
    touched: list[object] = []
    with Stopwatch() as watch:
        results = peer.map(same, range(calls))
        if variant == TOUCHED:
            touched = [future.done for future in cast("Any", peer).futures]
        elif variant == STATS:
            touched = [future.stats for future in cast("Any", peer).futures]
    assert results == list(range(calls))
    assert len(touched) == (0 if variant == PLAIN else calls)
    return {
        "calls": calls,
        **watch.values(),
        "wall_per_call_s": watch.wall_s / calls,
        "cpu_per_call_s": watch.cpu_s / calls,
    }


def judge(results: Results) -> Sequence[Verdict]:
    verdicts = []
    for variant in (PLAIN, TOUCHED):
        ratio = results.ratio("small_calls", variant, OURS, "joblib", "wall_per_call_s", other_variant=PLAIN)
        cpu = results.median("small_calls", variant, OURS, "cpu_per_call_s") * 1e6
        verdicts += [
            at_most(f"10,000 no-ops / joblib with automatic batches ({variant})", ratio, 1.0, ".2f", "x"),
            at_most(f"10,000 no-ops: CPU per call, all processes ({variant})", cpu, 4.0, ".2f", " us"),
        ]
    return verdicts


_PEERS = ("ppe", "ppe-chunked", "mp-pool", "joblib", "loky", "mpire", "ray", "dask", "lithops-3")

CASE = Case(
    key="small_calls",
    title="Map of 10,000 no-ops",
    about=(
        "After a map of 50 to warm up. CPU is that of all processes from the submission until 50 ms after the last "
        "result, so that work put off counts; closing the executor is shown beside it. lithops 3 runs 20 calls. Every "
        "call is measured; reading the statistics of all makes a dict of 30 entries for each, which no peer offers."
    ),
    variants=(PLAIN, TOUCHED, STATS),
    only=dict.fromkeys(_PEERS, (PLAIN,)),
    rounds={
        OURS: 9,
        "joblib": 9,
        "ppe": 3,
        "ppe-chunked": 5,
        "mp-pool": 5,
        "loky": 2,
        "mpire": 3,
        "ray": 1,
        "dask": 1,
        "lithops-3": 1,
    },
    columns=(
        Column(title="wall us per call", value="wall_per_call_s", factor=1e6),
        Column(title="CPU us per call", value="cpu_per_call_s", factor=1e6),
        Column(title="CPU ms of closing", value="close_cpu_s", factor=1e3, digits=0),
    ),
    compared="wall_per_call_s",
    judge=judge,
    measure=measure,
)
