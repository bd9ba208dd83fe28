"""Run one program under guard: a time limit, nothing left behind, all CPU time counted."""

from __future__ import annotations

import math
import os
import resource
import selectors
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from process_tree import adopt_orphans, end_descendants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRACE_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a guarded program did."""

    output: str
    first_line_s: float
    """From the start of the process to its first output; not a number if there was none."""
    exit_s: float
    """From its start to its own exit."""
    cpu_s: float
    """Of the whole tree, daemons included, from start to the end of the last process."""
    left_behind: int
    """Processes that still ran 2 s after it had exited; they were killed."""
    error: str = ""


def run_guarded(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, timeout_s: float) -> Outcome:
    """Run `argv` to its end or for `timeout_s`, then end and reap everything that it started.

    It is told by its descent, so the calling process must have no other children. Helpers that end by themselves
    shortly after the program (resource trackers and the like) are given the time to.
    """
    adopt_orphans()
    before = _reaped_seconds()
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None
        with process.stdout:
            output, first_line_s = _listen(process.pid, process.stdout.fileno(), began, timeout_s)
        exit_s = time.perf_counter() - began
        timed_out = exit_s >= timeout_s
        status = -1 if timed_out else process.wait()
        left_behind = end_descendants(grace_s=0.0 if timed_out else GRACE_S)
        process.wait()  # already reaped; this only tells the object
        errors.seek(0)
        said = errors.read().strip().splitlines()
    error = ""
    if timed_out:
        error = f"ended by the guard after {timeout_s:g} s"
    elif status:
        error = f"exit status {status}: {said[-1] if said else 'nothing on stderr'}"
    return Outcome(
        output=output,
        first_line_s=first_line_s,
        exit_s=exit_s,
        cpu_s=_reaped_seconds() - before,
        left_behind=left_behind,
        error=error,
    )


def _reaped_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _listen(pid: int, stdout: int, began: float, timeout_s: float) -> tuple[str, float]:
    """Read until the process has ended or the time is up; return its output and when the first of it came."""
    first_line_s, output = math.nan, b""
    ended = os.pidfd_open(pid)  # a daemon may hold the pipe open, so its end says nothing about the process
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(ended, selectors.EVENT_READ)
            while ready := {key.fd for key, _ in selector.select(max(0.0, began + timeout_s - time.perf_counter()))}:
                if stdout in ready:
                    chunk = os.read(stdout, 1 << 16)
                    if chunk and not output:
                        first_line_s = time.perf_counter() - began
                    output += chunk
                    if chunk:
                        continue
                    selector.unregister(stdout)
                if ended in ready:
                    break
    finally:
        os.close(ended)
    return output.decode(errors="replace"), first_line_s
