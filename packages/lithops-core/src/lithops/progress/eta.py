"""How long the rest of a job will take, judged by how fast calls have ended lately.

Throughput already contains how many calls run side by side. It says nothing before the first calls have ended, and
nothing about calls that take far longer than those before them; the estimate admits both.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

_RECENT_SHARE = 0.25  # the part of the time since the start that counts as recent ...
_RECENT_S = 10.0  # ... but never less than this,
_RECENT_WAVES = 2  # nor less than it takes all workers to end this many calls each
_PATIENCE = 1.5  # a silence this many times the longest recent one is a stall
_GIVE_UP = 6.0  # and this many times, and longer than this, makes the estimate worthless
_GIVE_UP_S = 20.0
_SMOOTHING_S = 2.0
_SAMPLES = 1000


class Eta:
    """Estimates the seconds left from how many calls were done at what time."""

    def __init__(self, total: int, now: float) -> None:
        self._total = total
        self._start = now
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])
        self._first: float | None = None
        self._abreast = 0  # most calls seen to run side by side
        self._filled = now  # when a call that ended last made room for one that had to wait
        self._finish: float | None = None
        self._asked = now

    def record(self, at: float, done: int, running: int) -> None:
        """Tell that `done` calls had ended at the time `at`; times must not decrease."""
        samples = self._samples
        last_at, last_done = samples[-1]
        if done == last_done:
            return
        if done < last_done:  # calls went back, e.g. to be tried again: what was learnt so far is void
            samples.clear()
            samples.append((last_at, done))
            return
        if self._first is None:
            self._first = at
        self._abreast = max(self._abreast, running)
        if self._total - last_done > self._abreast:
            self._filled = at
        # a job of a day must not keep a sample for each tenth of a second; at least two survive, so a rate does too
        if len(samples) > 2 and at - samples[-2][0] < (at - self._start) / _SAMPLES:
            samples.pop()
        samples.append((at, done))
        recent = at - max(_RECENT_S, _RECENT_SHARE * (at - self._start))
        enough = done - max(_RECENT_WAVES * running, 5)
        while len(samples) > 2 and samples[1][0] <= recent and samples[1][1] <= enough:
            samples.popleft()

    def seconds(self, now: float, running: int) -> float | None:
        """Return the seconds left, at least 1, or None when the evidence does not carry an estimate."""
        samples = self._samples
        (since, before), (last, done) = samples[0], samples[-1]
        left = self._total - done
        if self._first is None or done <= before or last <= since:
            self._finish = None
            return None
        # Calls of like duration end in waves: one call of a first wave says nothing about the rest of the wave yet.
        if done < running and now - self._start < 2 * (self._first - self._start):
            self._finish = None
            return None
        silence = now - last
        rhythm = max(later[0] - earlier[0] for earlier, later in pairwise(samples))
        if silence > max(_GIVE_UP * rhythm, _GIVE_UP_S):
            self._finish = None
            return None
        call_s = (last - since) / (done - before)
        # The last wave takes as long as a call does, however few are in it; by Little's law that is `abreast` times
        # what passes between two ends.
        finish = max(last + left * call_s, self._filled + self._abreast * call_s)
        if silence > max(_PATIENCE * rhythm, 1.0) or (now > finish and silence > 1.0):
            # The rate with the silence counted in; and what has lasted so long is likely to last as long again.
            self._finish = now + max(left * (now - since) / (done - before), silence)
        elif self._finish is None:
            self._finish = finish
        else:
            self._finish += min(1.0, (now - self._asked) / _SMOOTHING_S) * (finish - self._finish)
        self._asked = now
        return max(1.0, self._finish - now)
