"""What the parent of the workers does to them."""

from __future__ import annotations

import os
import signal

import pytest

from lithops.pool import zygote


@pytest.mark.needs("linux")
def test_a_worker_that_has_no_session_yet_is_killed_all_the_same() -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    zygote._kill_group(pid)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_killing_who_has_ended_does_nothing() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    zygote._kill_group(pid)
