"""What a program leaves open when it ends: nothing, or Python says so."""

from __future__ import annotations

import pytest

from .conftest import Program, local_only

pytestmark = local_only

USES = {
    "Queue": "queue = mp.Queue(); queue.put(1); queue.get()",
    "Lock": "lock = mp.Lock(); lock.acquire()",
    "Event": "event = mp.Event(); event.set(); event.wait()",
    "Barrier": "barrier = mp.Barrier(1); barrier.wait()",
    "Pipe": "one, other = mp.Pipe(); one.send(1); wait([one, other]); other.recv()",
    "Listener": "listener = Listener()",
    "Process": "process = mp.Process(target=print); process.start(); process.join()",
    "a thread": "queue = mp.Queue(); queue.put(1); t = threading.Thread(target=queue.get); t.start(); t.join()",
    "a forked child": "queue = mp.Queue(); queue.put(1); child = os.fork(); child and os.waitpid(child, 0)",
    "a forked child's own": """queue = mp.Queue(); queue.put(1)
    if not (child := os.fork()):
        queue.put(2)
    else:
        os.waitpid(child, 0)
        assert (queue.get(), queue.get()) == (1, 2)
""",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_program_leaves_no_socket_open_at_its_end(use: str, start_program: Program) -> None:
    program = start_program(
        f"""
import os, threading, warnings
warnings.simplefilter("always", ResourceWarning)
import lithops.multiprocessing as mp
from lithops.multiprocessing.connection import Listener, wait

if __name__ == "__main__":
    {use}
"""
    )
    _, err = program.communicate()
    assert (program.returncode, err) == (0, "")
