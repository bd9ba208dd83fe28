"""Durations as people write them."""

from __future__ import annotations

_UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
_SWITCH = {"h": 3.0, "min": 5.0, "s": 1.0, "ms": 1.0, "µs": 0.0}


def unit_of(seconds: float) -> tuple[str, float]:
    """Return the unit, and its length in seconds, in which a duration of this size reads best."""
    return next((name, size) for name, size in _UNITS if seconds >= size * _SWITCH[name])


def duration(seconds: float) -> str:
    """Return a duration with three digits and its unit.

    >>> duration(0.00251), duration(12.3456), duration(7200 * 2)
    ('2.51 ms', '12.3 s', '4 h')
    """
    name, size = unit_of(seconds)
    value = seconds / size
    return f"{value:.0f} {name}" if value >= 100 else f"{value:.3g} {name}"
