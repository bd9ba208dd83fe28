"""Many very short calls and a few long ones: does a long call make others wait behind it?"""

from __future__ import annotations

import heapq
import random
from typing import TYPE_CHECKING

from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import LONG_S, SHORT_S, long_or_short, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

CALLS, LONG_CALLS = 10_000, 10
PLACES = ("long calls first", "long calls last", "long calls anywhere")


def placed(place: str, calls: int, long_calls: int) -> list[bool]:
    """Return for each call whether it is a long one."""
    if place == PLACES[0]:
        chosen = set(range(long_calls))
    elif place == PLACES[1]:
        chosen = set(range(calls - long_calls, calls))
    else:
        chosen = set(random.Random(1).sample(range(calls), long_calls))
    return [call in chosen for call in range(calls)]


def greedy_s(items: Sequence[bool], workers: int) -> float:
    """Return how long the calls take when each goes, in order, to the worker that is free first, at no cost."""
    free_at = [0.0] * workers
    for is_long in items:
        heapq.heapreplace(free_at, free_at[0] + (LONG_S if is_long else SHORT_S))
    return max(free_at)


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    items = placed(variant, plan.sized(CALLS), LONG_CALLS)
    peer.map(same, range(50))
    with Stopwatch() as watch:
        results = peer.map(long_or_short, items)
    assert results == items
    return {**watch.values(), "greedy_ratio": watch.wall_s / greedy_s(items, plan.workers)}


def judge(results: Results) -> Sequence[Verdict]:
    return [
        at_most(
            f"9,990 x 0.1 ms + 10 x 500 ms / greedy without overhead, {place}",
            results.median("bimodal", place, OURS, "greedy_ratio"),
            1.03,
            ".3f",
            "x",
        )
        for place in PLACES
    ]


_ONCE = ("ppe", "ppe-chunked", "mp-pool", "joblib", "loky", "mpire", "ray")

CASE = Case(
    key="bimodal",
    title="9,990 calls of 0.1 ms and 10 of 500 ms",
    about=(
        "The calls keep a core busy by the wall clock. Greedy: each call, in order, goes to the worker that is free "
        "first, at no cost. Peers run as they come; a chunk size that suits this map would be bad for another."
    ),
    variants=PLACES,
    only={"dask": PLACES[2:]},
    rounds={OURS: 3, **dict.fromkeys(_ONCE, 1), "dask": 1},
    columns=(
        Column(title="wall s", value="wall_s", digits=3),
        Column(title="/ greedy", value="greedy_ratio", digits=3),
        Column(title="CPU s", value="cpu_s"),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
    not_run={"lithops-3": "starts a process for each call, 0.27 s each: 10,000 calls would take 45 minutes"},
)
