"""A zygote started ahead of the pool that will want it, while the driver imports what it needs."""

from __future__ import annotations

import os

from lithops.pool.spawn import Started

_waiting: list[tuple[int, Started]] = []  # with the process that started it: a fork must not use its parent's


def start(python: str) -> None:
    """Start an interpreter unless one waits already; one that cannot be started is for the pool to complain of."""
    if _waiting and _waiting[0][0] == os.getpid():
        return
    _waiting.clear()
    try:
        _waiting.append((os.getpid(), Started(python)))
    except (OSError, AttributeError):  # AttributeError: no posix_spawn here
        return


def take(python: str) -> Started | None:
    """Return the one that waits, if it is of this interpreter."""
    while _waiting:
        owner, started = _waiting.pop()
        if owner == os.getpid() and started.python == python:
            return started
    return None


def drop() -> None:
    """End the one that waits: nobody will want it."""
    while _waiting:
        owner, started = _waiting.pop()
        started.control.close()
        os.close(started.errors)
        if owner == os.getpid():
            os.waitpid(started.pid, 0)  # it ends as soon as it sees that its socket has
