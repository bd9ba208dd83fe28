"""A million no-ops in one map: time, linearity, memory."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, cast

from process_tree import peak_bytes, reset_peak
from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

SIZES = {"100,000": 100_000, "300,000": 300_000, "1,000,000": 1_000_000}
TOUCHED = ", every future touched"
RESULT_BYTES = 8 + 32
"""A slot of the list and an integer object, as the allocator rounds it."""


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    calls = plan.sized(SIZES[variant.removesuffix(TOUCHED)])
    peer.map(same, range(1000))
    gc.collect()
    before = reset_peak()
    with Stopwatch() as watch:
        results = peer.map(same, range(calls))
        touched = [future.done for future in cast("Any", peer).futures] if variant.endswith(TOUCHED) else []
        del touched
    grown = peak_bytes() - before
    assert len(results) == calls
    assert all(map(int.__eq__, results, range(calls)))
    return {
        "calls": calls,
        **watch.values(),
        "wall_per_call_s": watch.wall_s / calls,
        "cpu_per_call_s": watch.cpu_s / calls,
        "bytes_per_call": grown / calls - RESULT_BYTES,
    }


def judge(results: Results) -> Sequence[Verdict]:
    small, _, large = SIZES
    growth = results.ratio("million", large, OURS, OURS, "wall_per_call_s", other_variant=small)
    plain = results.median("million", large, OURS, "bytes_per_call")
    touched = results.median("million", large + TOUCHED, OURS, "bytes_per_call")
    return [
        at_most("1,000,000 no-ops with results", results.median("million", large, OURS, "wall_s"), 3.0, ".2f", " s"),
        at_most("linear: time per call of 1,000,000 / of 100,000", growth, 1.25, ".2f", "x"),
        at_most("1,000,000 no-ops: driver peak per call beyond results", plain, 120, ".0f", " bytes"),
        at_most("the same with every future touched", touched, 240, ".0f", " bytes"),
    ]


_PEERS = ("ppe-chunked", "mp-pool", "joblib", "mpire")

CASE = Case(
    key="million",
    title="1,000,000 no-ops in one map",
    about=(
        "The input is a `range`, the results are kept as a list. Driver memory is the growth of its peak resident set "
        f"over the map, less {RESULT_BYTES} bytes per result. `touched` reads `done` of each future, which makes it."
    ),
    variants=(*SIZES, "1,000,000" + TOUCHED),
    only=dict.fromkeys(_PEERS, ("1,000,000",)),
    rounds={OURS: 5, **dict.fromkeys(_PEERS, 1)},
    columns=(
        Column(title="wall s", value="wall_s"),
        Column(title="us per call", value="wall_per_call_s", factor=1e6),
        Column(title="CPU us per call", value="cpu_per_call_s", factor=1e6),
        Column(title="driver bytes per call", value="bytes_per_call", digits=0),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
    timeout_s=90,
    not_run={
        "ppe, loky": "one message per call: over a minute and gigabytes of futures; see the 10,000 calls above",
        "ray, dask": "minutes, by the time per call of the 10,000 above",
        "lithops-3": "days",
    },
)
