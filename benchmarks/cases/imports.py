"""How long a process lives that only imports the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers import PARTICIPANTS
from records import OURS, Case, Column, Plan, Results, Script, Verdict, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence


IMPORT, HELP = "import", "lithops --help"


def script(peer: str, variant: str, _plan: Plan) -> Script:
    if variant == HELP:
        return Script(source="from lithops.cli.main import main\nmain(['--help'])\n")
    return Script(source=str(PARTICIPANTS[peer].load().IMPORT) + "\n")


def judge(results: Results) -> Sequence[Verdict]:
    ratio = results.ratio("imports", IMPORT, OURS, "ppe", "exit_s")
    help_s = results.median("imports", HELP, OURS, "exit_s")
    return [
        at_most("`import lithops` / `import concurrent.futures.process`, whole process", ratio, 1.5, ".2f", "x"),
        at_most("`lithops --help`, whole process", help_s, 0.25, ".2f", " s"),
    ]


_PEERS = ("ppe", "mp-pool", "joblib", "loky", "mpire", "ray", "dask", "lithops-3")

CASE = Case(
    key="imports",
    title="Import",
    about=(
        "A new interpreter runs the one import statement, or our command's help, and ends. Wall and CPU are those of the "
        "whole process."
    ),
    variants=(IMPORT, HELP),
    only=dict.fromkeys(_PEERS, (IMPORT,)),
    rounds={OURS: 15, "ppe": 15, "mp-pool": 5, "joblib": 5, "loky": 5, "mpire": 5, "ray": 3, "dask": 3, "lithops-3": 3},
    columns=(
        Column(title="wall ms", value="exit_s", factor=1e3, digits=1),
        Column(title="CPU ms", value="life_cpu_s", factor=1e3, digits=1),
    ),
    compared="exit_s",
    judge=judge,
    script=script,
)
