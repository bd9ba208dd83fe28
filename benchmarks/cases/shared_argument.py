"""One array of 100 MB that 32 calls read."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import memory_sampler
from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch
from work import element

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

CALLS, ELEMENTS = 32, 13_107_200
TIME, MEMORY = "time", "memory"


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    import numpy

    peer.map_shared(element, numpy.ones(3), range(3))
    array = numpy.ones(int(ELEMENTS * plan.scale))
    if variant == TIME:
        with Stopwatch() as watch:
            results = peer.map_shared(element, array, range(CALLS))
        values = watch.values()
    else:
        # Watching at full speed takes a core, so memory has a run of its own.
        with subprocess.Popen(
            [sys.executable, "-IS", memory_sampler.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as sampler:
            assert sampler.stdout is not None
            sampler.stdout.readline()
            results = peer.map_shared(element, array, range(CALLS))
            grown, _ = sampler.communicate()
        values = {"grown_bytes": float(grown)}
    assert results == [1.0] * CALLS
    return values


def judge(results: Results) -> Sequence[Verdict]:
    ratio = results.ratio("shared_argument", TIME, OURS, "joblib", "wall_s")
    grown = results.median("shared_argument", MEMORY, OURS, "grown_bytes") / 1e6
    return [
        at_most("100 MB shared argument, 32 calls / joblib's memory map", ratio, 1.0, ".2f", "x"),
        at_most("100 MB shared argument: driver memory, shared memory counted", grown, 110, ".0f", " MB"),
    ]


CASE = Case(
    key="shared_argument",
    title="100 MB shared argument, 32 calls",
    about=(
        "105 MB of doubles; each call reads one. Every peer in its own idiom: ours and joblib find the repeated "
        "argument by themselves, ray `put`, dask `scatter`, mpire `shared_objects` (given to a new pool inside the "
        "measured time), the pools `functools.partial`. Memory: the most that the driver's resident private memory and "
        "the machine's shared memory together grew during the map."
    ),
    variants=(TIME, MEMORY),
    rounds={OURS: 7, "joblib": 7, "ppe-chunked": 1, "mp-pool": 1, "loky": 1, "mpire": 3, "ray": 2, "dask": 1},
    columns=(
        Column(title="wall ms", value="wall_s", factor=1e3, digits=0),
        Column(title="CPU ms", value="cpu_s", factor=1e3, digits=0),
        Column(title="memory +MB", value="grown_bytes", factor=1e-6, digits=0),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
    not_run={"lithops-3": "writes the argument to disk once per call"},
)
