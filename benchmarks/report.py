"""Tables out of measurements."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from peers import PARTICIPANTS
from records import OURS, Case, Measurement, Results, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

QUIET = 0.1
"""Cores that others may use without spoiling a result."""

INTRODUCTION = """\
# Results

Made by `benchmarks/run.py`; what each figure means stands above its table, how to run it in `benchmarks/README.md`.
Every measurement is a process of its own, in interleaved rounds; figures are medians over rounds, `/ ours` is the
median of the ratios within one round. CPU is that of the whole tree of processes, daemons included.
The single measurements are in `results.json`.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """All measurements of one case, and how they came about."""

    case: Case
    command: str
    machine: str
    at: str
    commit: str
    seconds: float
    busy_before: float
    """Cores that other programs kept busy just before the case, and after it."""
    busy_after: float
    measurements: Sequence[Measurement]

    def as_json(self) -> dict[str, object]:
        """Return plain values; the case goes by its key."""
        plain = asdict(self) | {"case": self.case.key}
        return plain


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * words + ["---:"] * (len(head) - words))
    yield from map(_row, rows)


def verdict_lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Return the table of targets."""
    said: Mapping[bool | None, str] = {True: "yes", False: "**no**", None: "not measured"}
    yield from _table(
        ("what", "target", "measured", "met"), [(v.what, v.target, v.measured, said[v.met]) for v in verdicts], words=4
    )


def case_lines(run: Run) -> Iterator[str]:
    """Return the section of one case: what is run, how, and what came out for each participant."""
    case, results = run.case, Results(run.measurements)
    yield f"## {case.title}"
    yield ""
    yield case.about
    yield ""
    others = max(run.busy_before, run.busy_after)
    busy = f" **Others kept {others:.1f} cores busy; these figures are provisional.**" if others > QUIET else ""
    yield f"`{run.command}` at commit {run.commit}, {run.at}, {run.seconds:.0f} s.{busy}"
    for variant in case.variants:
        yield ""
        if len(case.variants) > 1:
            yield f"**{variant}**"
            yield ""
        shown = [c for c in case.columns if any(c.value in m.values for m in run.measurements if m.variant == variant)]
        rows = [
            _peer_cells(run, results, variant, peer, [(c.value, c.factor, c.digits) for c in shown])
            for peer in case.rounds
            if any((m.variant, m.peer) == (variant, peer) for m in run.measurements)
        ]
        yield from _table(("who", "rounds", *(c.title for c in shown), "/ ours"), rows)
    left = {m.peer: int(m.values["left_behind"]) for m in run.measurements if m.values.get("left_behind")}
    if case.not_run or left:
        yield ""
        yield from (f"- still running after it was closed: {count} of {peer}" for peer, count in left.items())
        yield from (f"- not run: {peer}: {reason}" for peer, reason in case.not_run.items())


def _peer_cells(
    run: Run, results: Results, variant: str, peer: str, columns: Sequence[tuple[str, float, int]]
) -> list[str]:
    mine = [m for m in run.measurements if (m.variant, m.peer) == (variant, peer)]
    failed = [m.error for m in mine if m.error]
    cells = [PARTICIPANTS[peer].title, str(len(mine) - len(failed)) + (f" ({failed[0]})" if failed else "")]
    for value, factor, digits in columns:
        figure = results.median(run.case.key, variant, peer, value) * factor
        cells.append("" if math.isnan(figure) else f"{figure:,.{digits}f}")
    ratio = 1.0 if peer == OURS else results.ratio(run.case.key, variant, peer, OURS, run.case.compared)
    return [*cells, "" if math.isnan(ratio) else f"{ratio:.2f}x"]


def render(runs: Sequence[Run]) -> str:
    """Return RESULTS.md."""
    lines = [INTRODUCTION]
    lines += sorted({f"Machine: {run.machine}." for run in runs})
    lines += ["", "## Targets", ""]
    lines += verdict_lines([verdict for run in runs for verdict in run.case.judge(Results(run.measurements))])
    for run in runs:
        lines += ["", *case_lines(run)]
    return "\n".join(lines) + "\n"
