"""How many calls an executor hands over.

Calls that have not been handed over are still the user's to take back. So no more are than keep all workers busy: one
for each if calls are long, two if they are short, and as many as are done in `AHEAD_S`.
"""

from __future__ import annotations

import sys

AHEAD_S = 0.01
"""Seconds of work that are handed over at once."""
LONG_S = 0.05
"""A call that takes so long is not handed over before a worker is free for it."""
_SHORTEST_S = 1e-6


class Pace:
    """Follows how long calls take."""

    def __init__(self, places: int | None) -> None:
        """`places` is how many calls run at the same time; None where nobody knows, and all are handed over."""
        self._places = places
        self._seconds = LONG_S  # that a call takes, lately
        self.few = sys.maxsize if places is None else places
        """How many calls under way are too few."""
        self.enough = self.few
        """How many are to be under way where there were too few."""

    def took(self, seconds: float) -> None:
        """Take note of a call."""
        self._seconds = lately = self._seconds + (seconds - self._seconds) / 4
        places = self._places
        if places is not None:
            self.few = few = places if lately >= LONG_S else 2 * places
            self.enough = few if lately * few > places * AHEAD_S else int(places * AHEAD_S / max(lately, _SHORTEST_S))
