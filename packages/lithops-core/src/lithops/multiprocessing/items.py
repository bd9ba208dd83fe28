"""What goes through queues and pipes, as bytes: what is the user's own travels by value, as with calls."""

from __future__ import annotations

import io
import pickle
from typing import Any

from lithops.worker.codec import ATOMS
from lithops.worker.context import current

loads = pickle.loads


def dumps(value: Any) -> bytes:
    """Pickle a value; raises what pickling it raises, as the standard library's queues do in their threads."""
    if type(value) in ATOMS:
        return pickle.dumps(value, 5)

    from lithops.jobs.capture import by_value
    from lithops.jobs.pickler import UserPickler

    file = io.BytesIO()
    if current.job_key:  # in a worker: what is the user's own here came by value, and goes so again
        UserPickler(file).dump(value)
    else:
        with by_value():
            UserPickler(file).dump(value)
    return file.getvalue()
