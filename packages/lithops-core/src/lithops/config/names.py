"""Guess which name was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def advice(name: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?` for the nearest known name, or the list of them all."""
    names = sorted(set(known))
    return did_you_mean(name, names) or (f"known: {', '.join(names)}" if names else "there are none")


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return `did you mean 'x'?` for the nearest known name, None if none is near."""
    from difflib import get_close_matches

    near = get_close_matches(_plain(name), [*known], n=1)
    return f"did you mean {near[0]!r}?" if near else None


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """Return known names by how much they resemble `name`, those that do so equally by the alphabet."""
    from difflib import SequenceMatcher

    return sorted(sorted(known), key=lambda other: -SequenceMatcher(None, other, _plain(name)).ratio())


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` is a slip of the pen of, None if it may well be a name of its own.

    One edit is a slip, two are from nine letters on: short names such as two vendors' abbreviations differ by no more.
    """
    allowed = 2 if len(name) >= 9 else 1
    plain = _plain(name)
    return next((other for other in sorted(known) if _edits(plain, other) <= allowed), None)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _edits(one: str, other: str) -> int:
    """Count insertions, deletions, substitutions and swaps of neighbours between two short words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, previous, row = row, before, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return row[-1]
