"""What pending futures leave in storage when they travel, and that it goes again."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from lithops import FunctionExecutor

    from .conftest import Gate


def test_clean_removes_the_results_promised_to_futures_that_travelled(lone: FunctionExecutor, gate: Gate) -> None:
    future = lone.call_async(pass_gate, gate.path)
    gate.arrival()
    pickle.dumps(future)
    put = threading.Event()
    future.add_done_callback(lambda _: put.set())  # called after the one that puts the result into storage
    gate.open()
    assert future.result() > 0
    assert put.wait(DEADLINE_S)
    storage, prefix = lone.storage, f"lithops.jobs/{lone.executor_id}"
    assert len(storage.list_keys(storage.bucket, prefix=prefix)) == 1
    namesake = f"{prefix}0-M000/promises/00000"  # of an executor whose name begins like this one's
    storage.put_object(storage.bucket, namesake, b"")
    lone.clean()
    assert storage.list_keys(storage.bucket, prefix=prefix) == [namesake]
