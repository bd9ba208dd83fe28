"""The guard ends what it must and counts everything."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest
from guard import Outcome, run_guarded
from process_tree import CpuMeter, descendants, peak_bytes, reset_peak

if TYPE_CHECKING:
    from pathlib import Path

BURN = "import time\nwhile time.process_time() < 0.2: pass\n"
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep({seconds})
    os._exit(0)
os.wait()
"""


def guarded(source: str, tmp_path: Path, timeout_s: float = 20) -> Outcome:
    return run_guarded(
        [sys.executable, "-IS", "-c", source], env=dict(os.environ), cwd=str(tmp_path), timeout_s=timeout_s
    )


def test_output_and_times_of_a_program_are_returned(tmp_path: Path) -> None:
    outcome = guarded("print('hello')", tmp_path)
    assert outcome.output == "hello\n"
    assert outcome.error == ""
    assert 0 < outcome.first_line_s <= outcome.exit_s


def test_a_failing_program_is_reported_with_its_last_words(tmp_path: Path) -> None:
    assert guarded("raise SystemExit('no such luck')", tmp_path).error == "exit status 1: no such luck"


def test_a_program_that_fails_in_silence_is_reported(tmp_path: Path) -> None:
    assert guarded("raise SystemExit(3)", tmp_path).error == "exit status 3: nothing on stderr"


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    outcome = guarded("import time; time.sleep(60)", tmp_path, timeout_s=0.3)
    assert outcome.error == "ended by the guard after 0.3 s"
    assert time.monotonic() - began < 10
    assert not descendants(os.getpid())


def test_a_daemon_that_was_left_behind_is_counted_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guard.GRACE_S", 0.1)
    outcome = guarded(DAEMON.format(seconds=60), tmp_path)
    assert outcome.left_behind == 1
    assert not descendants(os.getpid())


def test_a_helper_that_ends_shortly_after_its_program_is_not_held_against_it(tmp_path: Path) -> None:
    assert guarded(DAEMON.format(seconds=0.2), tmp_path).left_behind == 0


def test_cpu_of_children_is_counted_for_the_whole_life(tmp_path: Path) -> None:
    outcome = guarded(f"import subprocess, sys; subprocess.run([sys.executable, '-IS', '-c', {BURN!r}])", tmp_path)
    assert outcome.cpu_s == pytest.approx(0.2, abs=0.15)
    assert outcome.cpu_s >= 0.2


def test_a_meter_counts_children_that_live_and_not_itself() -> None:
    meter = CpuMeter()
    assert meter.seconds() < 0.002
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        while time.process_time() < 0.2:
            pass
        os.write(write, b"x")
        time.sleep(60)
        os._exit(0)
    try:
        os.read(read, 1)
        assert 0.19 < meter.seconds() < 0.4
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)


def test_the_peak_begins_anew_and_sees_memory_that_was_given_back() -> None:
    bytearray(80 << 20)
    before = reset_peak()
    assert peak_bytes() - before < 8 << 20
    bytearray(40 << 20)
    assert 36 << 20 < peak_bytes() - before < 60 << 20
