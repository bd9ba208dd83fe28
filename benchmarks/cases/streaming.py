"""100,000 no-ops whose items come from a generator and whose results are read one by one."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, cast

from process_tree import peak_bytes, reset_peak
from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from peers import Peer

CALLS = 100_000
STREAM, MAP = "stream", "map of the same generator, for comparison"


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    calls = plan.sized(CALLS)
    user = cast("Any", peer)

    def items(count: int) -> Iterator[int]:
        yield from range(count)

    results = user.map if variant == MAP else user.stream
    assert sum(results(same, items(1000))) == 499_500
    gc.collect()
    before = reset_peak()
    total = 0
    with Stopwatch() as watch:
        for result in results(same, items(calls)):
            total += result
    grown = peak_bytes() - before
    assert total == calls * (calls - 1) // 2
    return {
        "calls": calls,
        **watch.values(),
        "wall_per_call_s": watch.wall_s / calls,
        "cpu_per_call_s": watch.cpu_s / calls,
        "grown_bytes": grown,
    }


def judge(results: Results) -> Sequence[Verdict]:
    cpu = results.ratio("streaming", STREAM, OURS, OURS, "cpu_per_call_s", other_variant=MAP)
    grown = results.median("streaming", STREAM, OURS, "grown_bytes") / 1e6
    return [
        at_most("100,000 streamed no-ops: CPU per call, all processes / map", cpu, 2.0, ".2f", "x"),
        at_most("100,000 streamed no-ops: growth of the driver's peak", grown, 8.0, ".1f", " MB"),
    ]


_PEERS = ("mp-pool", "joblib")

CASE = Case(
    key="streaming",
    title="100,000 no-ops as a stream",
    about=(
        "The items come from a generator, the results are added up one by one, after 1,000 to warm up: `imap` of ours, "
        "`Pool.imap(chunksize=100)`, joblib's `return_as='generator'`. Ours and joblib read a bounded number of items "
        "ahead, the pool reads all. Memory is the growth of the driver's peak resident set."
    ),
    variants=(STREAM, MAP),
    only=dict.fromkeys(_PEERS, (STREAM,)),
    rounds={OURS: 7, **dict.fromkeys(_PEERS, 5)},
    columns=(
        Column(title="wall us per call", value="wall_per_call_s", factor=1e6),
        Column(title="CPU us per call", value="cpu_per_call_s", factor=1e6),
        Column(title="driver MB", value="grown_bytes", factor=1e-6, digits=1),
    ),
    compared="wall_per_call_s",
    judge=judge,
    measure=measure,
)
