"""The interface of `concurrent.futures`: 10,000 submits of a no-op, and one after another."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any, cast

from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from peers import Peer

CALLS, ONE_BY_ONE = 10_000, 2_000
ALL, RESULT, WAIT = "submit all, then take the results", "one by one, result()", "one by one, wait()"


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    standard: tuple[Executor, Callable[..., object]] = cast("Any", peer).standard()
    executor, wait = standard
    assert list(executor.map(same, range(50))) == list(range(50))
    if variant == ALL:
        calls = plan.sized(CALLS)
        with Stopwatch() as watch:
            futures = [executor.submit(same, item) for item in range(calls)]
            results = [future.result() for future in futures]
        assert results == list(range(calls))
        return {"calls": calls, "wall_per_call_s": watch.wall_s / calls, "cpu_per_call_s": watch.cpu_s / calls}
    settle: Callable[[Future[int]], object] = (lambda f: f.result()) if variant == RESULT else (lambda f: wait([f]))
    taken: list[float] = []
    with Stopwatch() as watch:
        for item in range(plan.sized(ONE_BY_ONE)):
            start = time.perf_counter()
            settle(executor.submit(same, item))
            taken.append(time.perf_counter() - start)
    return {"calls": len(taken), "wall_per_call_s": median(taken), "cpu_per_call_s": watch.cpu_s / len(taken)}


def judge(results: Results) -> Sequence[Verdict]:
    return [
        at_most(
            f"`concurrent.futures`: {variant} / ProcessPoolExecutor",
            results.ratio("submits", variant, OURS, "ppe", "wall_per_call_s"),
            1.0,
            ".2f",
            "x",
        )
        for variant in (ALL, RESULT)
    ]


CASE = Case(
    key="submits",
    title="Submits through `concurrent.futures`",
    about=(
        "No-ops on a warm executor, as a program written for the standard module makes them: 10,000 at once, and 2,000 "
        "one after another (medians over calls), waited for by `result()` or by `wait()`."
    ),
    variants=(ALL, RESULT, WAIT),
    rounds={OURS: 7, "ppe": 7},
    columns=(
        Column(title="wall us per call", value="wall_per_call_s", factor=1e6),
        Column(title="CPU us per call", value="cpu_per_call_s", factor=1e6),
    ),
    compared="wall_per_call_s",
    judge=judge,
    measure=measure,
)
