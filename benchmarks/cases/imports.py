"""How long a process lives that only imports the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers import PARTICIPANTS
from records import OURS, Case, Column, Plan, Results, Script, Verdict, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence


def script(peer: str, _variant: str, _plan: Plan) -> Script:
    return Script(source=str(PARTICIPANTS[peer].load().IMPORT) + "\n")


def judge(results: Results) -> Sequence[Verdict]:
    ratio = results.ratio("imports", "import", OURS, "ppe", "exit_s")
    return [at_most("`import lithops` / `import concurrent.futures.process`, whole process", ratio, 1.5, ".2f", "x")]


CASE = Case(
    key="imports",
    title="Import",
    about="A new interpreter runs the one import statement and ends. Wall and CPU are those of the whole process.",
    variants=("import",),
    rounds={OURS: 15, "ppe": 15, "mp-pool": 5, "joblib": 5, "loky": 5, "mpire": 5, "ray": 3, "dask": 3, "lithops-3": 3},
    columns=(
        Column(title="wall ms", value="exit_s", factor=1e3, digits=1),
        Column(title="CPU ms", value="life_cpu_s", factor=1e3, digits=1),
    ),
    compared="exit_s",
    judge=judge,
    script=script,
)
