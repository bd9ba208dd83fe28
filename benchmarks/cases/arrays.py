"""64 calls that take an array of 4 MB and return one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import double_in_place, doubled, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

CALLS, ELEMENTS = 64, 500_000
NEW, IN_PLACE = "new array returned", "doubled in place"


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    import numpy

    calls = plan.sized(CALLS)
    items = [numpy.full(ELEMENTS, float(call)) for call in range(calls)]
    peer.map(doubled, [numpy.ones(3)] * 4)
    peer.map(same, range(4))
    with Stopwatch() as watch:
        results = peer.map(doubled if variant == NEW else double_in_place, items)
    began = time.perf_counter()
    sums = [float(result.sum()) for result in results]
    read_s = time.perf_counter() - began
    assert sums == [2.0 * ELEMENTS * call for call in range(calls)]
    return {**watch.values(), "read_s": read_s}


def judge(results: Results) -> Sequence[Verdict]:
    verdicts = [
        at_most(
            f"64 x (4 MB in, 4 MB out) / ProcessPoolExecutor, {variant}",
            results.ratio("arrays", variant, OURS, "ppe", "wall_s"),
            0.45,
            ".2f",
            "x",
        )
        for variant in (NEW, IN_PLACE)
    ]
    for peer in ("ray", "loky"):
        ratio = results.ratio("arrays", NEW, OURS, peer, "wall_s")
        verdicts.append(at_most(f"64 x (4 MB in, 4 MB out) / {peer}", ratio, 1.0, ".2f", "x"))
    return verdicts


_READ_ONLY = ("joblib", "ray", "dask")

CASE = Case(
    key="arrays",
    title="64 x (4 MB in, 4 MB out)",
    about=(
        "NumPy arrays of 500,000 doubles, on a warm executor. `read` is the time the driver then needs to sum all "
        "results, where mapped memory is paid for. In place only where arrays arrive writable (not joblib, ray, dask)."
    ),
    variants=(NEW, IN_PLACE),
    only={**dict.fromkeys(_READ_ONLY, (NEW,)), "lithops-3": (NEW,)},
    rounds={OURS: 7, "ppe": 7, "loky": 5, "ray": 4, "mp-pool": 2, "joblib": 2, "mpire": 2, "dask": 2, "lithops-3": 1},
    columns=(
        Column(title="wall ms", value="wall_s", factor=1e3, digits=0),
        Column(title="read ms", value="read_s", factor=1e3, digits=0),
        Column(title="CPU ms", value="cpu_s", factor=1e3, digits=0),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
)
