"""What the benchmarks pass around: what a case is, what was measured, what is said about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from peers import Peer

OURS = "lithops-core"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How large a run is."""

    workers: int
    scale: float = 1.0
    """Below 1 in quick runs, whose figures judge nothing."""

    def sized(self, calls: int) -> int:
        """Return `calls` made smaller for a quick run, never below 8."""
        return max(8, int(calls * self.scale))


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A whole Python program whose life is measured from outside."""

    source: str
    config: str = ""
    """Content of the YAML file that `LITHOPS_CONFIG_FILE` names; empty: no config at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One peer, one variant of a case, one round, measured in a process of its own."""

    case: str
    variant: str
    peer: str
    round: int
    values: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


class Results:
    """The measurements of a run, asked by case, variant and peer."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self.measurements = list(measurements)

    def values(self, case: str, variant: str, peer: str, name: str) -> dict[int, float]:
        """Return what was measured, by round."""
        return {
            m.round: m.values[name]
            for m in self.measurements
            if (m.case, m.variant, m.peer) == (case, variant, peer) and name in m.values
        }

    def median(self, case: str, variant: str, peer: str, name: str) -> float:
        """Return the median over the rounds; not a number if there is none."""
        found = self.values(case, variant, peer, name)
        return median(found.values()) if found else math.nan

    def ratio(
        self, case: str, variant: str, peer: str, other: str, name: str, other_variant: str | None = None
    ) -> float:
        """Return the median over the rounds of `peer / other`, both taken from the same round."""
        ours = self.values(case, variant, peer, name)
        theirs = self.values(case, variant if other_variant is None else other_variant, other, name)
        ratios = [ours[r] / theirs[r] for r in ours if theirs.get(r)]
        return median(ratios) if ratios else math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One bar and where we stand beside it."""

    what: str
    target: str
    measured: str
    met: bool | None
    """None: not measured in this run."""


def at_most(what: str, value: float, limit: float, shown: str, unit: str = "") -> Verdict:
    """Judge `value <= limit`; `shown` formats both, e.g. `.2f`."""
    if math.isnan(value):
        return Verdict(what=what, target=f"<= {limit:{shown}}{unit}", measured="not measured", met=None)
    return Verdict(what=what, target=f"<= {limit:{shown}}{unit}", measured=f"{value:{shown}}{unit}", met=value <= limit)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A figure of the result table: the median of `value`, times `factor`."""

    title: str
    value: str
    factor: float = 1.0
    digits: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing that is measured. Either `measure` runs beside an open adapter, or `script` makes a whole program."""

    key: str
    title: str
    about: str
    """What is run and how, for the reader of the results."""
    variants: Sequence[str]
    rounds: Mapping[str, int]
    """How often each participant runs; those that a bar names run more often."""
    columns: Sequence[Column]
    compared: str
    """The value whose ratio to ours is shown."""
    judge: Callable[[Results], Sequence[Verdict]]
    measure: Callable[[Peer, str, Plan], dict[str, float]] | None = None
    script: Callable[[str, str, Plan], Script] | None = None
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Variants of a participant that does not run all of them."""
    timeout_s: float = 60.0
    """The guard: a probe that takes longer is ended and counts as failed."""
    kit: bool = False
    """Whether it needs the platforms of lithops-testing."""
    not_run: Mapping[str, str] = field(default_factory=dict)
    """Why a participant is missing."""

    def variants_of(self, peer: str) -> Sequence[str]:
        """Return the variants that `peer` runs."""
        return self.only.get(peer, self.variants)
