"""What goes through queues and pipes, as bytes: what is the user's own travels by value, as with calls."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lithops.multiprocessing import config, journeys
from lithops.worker.codec import ATOMS
from lithops.worker.context import current

loads = pickle.loads


def dumps(value: Any) -> bytes:
    """Pickle a value; raises what pickling it raises, as the standard library's queues do in their threads."""
    if type(value) in ATOMS:
        return pickle.dumps(value, 5)

    from lithops.jobs.pickler import UserPickler

    file = io.BytesIO()
    with own_by_value(), journeys.going(journeys.ONCE):
        UserPickler(file).dump(value)
    return file.getvalue()


@contextmanager
def own_by_value() -> Iterator[None]:
    """Let a `UserPickler` take by value what travels so with calls, by the configuration."""
    if current.job_key:  # in a worker: what is the user's own came by value, hence goes so again
        yield
        return
    from lithops.jobs.capture import by_value

    with by_value(*config.modules()):
        yield
