"""How long a new program needs until it holds the result of its first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers import PARTICIPANTS
from records import OURS, Case, Column, Plan, Results, Script, Verdict, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN, CONFIGURED = "no config", "config file"


def script(peer: str, variant: str, plan: Plan) -> Script:
    adapter = PARTICIPANTS[peer].load()
    config = str(adapter.CONFIG).format(workers=plan.workers) if variant == CONFIGURED else ""
    return Script(source=str(adapter.FIRST_RESULT), config=config)


def judge(results: Results) -> Sequence[Verdict]:
    said = "start to first result / ProcessPoolExecutor"
    plain = results.ratio("first_result", PLAIN, OURS, "ppe", "first_line_s")
    configured = results.ratio("first_result", CONFIGURED, OURS, "ppe", "first_line_s", other_variant=PLAIN)
    return [
        at_most(f"{said}, no config", plain, 2.0, ".2f", "x"),
        at_most(f"{said}, with a config file validated", configured, 4.0, ".2f", "x"),
    ]


_PEERS = ("ppe", "mp-pool", "joblib", "loky", "mpire", "ray", "dask", "lithops-3")

CASE = Case(
    key="first_result",
    title="Process start to first result",
    about=(
        "A program with a `f(x)` of its own starts, opens the library with its defaults, makes one call and prints "
        "when it has the result; the time until it has ended and the CPU of all its processes stand beside it."
    ),
    variants=(PLAIN, CONFIGURED),
    only=dict.fromkeys(_PEERS, (PLAIN,)),
    rounds={OURS: 11, "ppe": 11, "mp-pool": 5, "joblib": 5, "loky": 5, "mpire": 5, "ray": 2, "dask": 3, "lithops-3": 2},
    columns=(
        Column(title="first result ms", value="first_line_s", factor=1e3, digits=1),
        Column(title="exit ms", value="exit_s", factor=1e3, digits=1),
        Column(title="CPU ms", value="life_cpu_s", factor=1e3, digits=1),
    ),
    compared="first_line_s",
    judge=judge,
    script=script,
)
