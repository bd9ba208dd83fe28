"""Wait for a lock that a report releases, on the thread that may read the report itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from lithops.errors import BadCallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.types import Pump

FOREVER = float("inf")


def deadline_of(timeout: float | None) -> float:
    """Turn a timeout in seconds into a monotonic deadline.

    Raises `BadCallError` for one that is negative or no number.
    """
    if timeout is None:
        return FOREVER
    try:
        negative, fits = timeout < 0, timeout >= 0
    except TypeError:
        negative = fits = False
    if negative:
        raise BadCallError(f"timeout must not be negative, found {timeout!r}")
    if not fits:  # no number, or none that could be waited for
        raise BadCallError(f"timeout must be a number of seconds or None, found {timeout!r}")
    try:
        return time.monotonic() + timeout
    except OverflowError:
        return FOREVER


def wait_for(gate: threading.Lock, pumps: Sequence[Pump], deadline: float) -> bool:
    """Wait until `gate` is released, which is taken again by this, or the deadline; return whether it was released.

    A single pump is driven on this thread; of several, each is driven by its backend's own.
    """
    if gate.acquire(blocking=False):
        return True
    if len(pumps) == 1:
        passed = False

        def ready() -> bool:
            nonlocal passed
            passed = passed or gate.acquire(blocking=False)
            return passed

        pumps[0].run_until(ready, deadline)
        if passed:
            return True
    if deadline == FOREVER:
        return gate.acquire()
    return gate.acquire(timeout=max(0.0, min(deadline - time.monotonic(), threading.TIMEOUT_MAX)))
