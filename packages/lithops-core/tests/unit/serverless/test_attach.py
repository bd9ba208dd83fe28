"""Jobs outlive the program that started them."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops import errors
from lithops_testing.faas import FaasDouble

DEADLINE_S = 100

DRIVER = """
import sys, time
import lithops

if __name__ == "__main__":
    seconds = float(sys.argv[1])

    def slow(x, seconds=seconds):
        import time
        time.sleep(seconds if x % 2 else 0)
        if x == 3:
            raise LookupError(x)
        return b"x" * 300_000 if x == 5 else 10 * x

    fexec = lithops.FunctionExecutor()
    futures = fexec.map(slow, range(8))
    print(futures[0].job_key, flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def config(array_double: FaasDouble, faas_backend: str) -> dict[str, Any]:
    return {
        "lithops": {"backend": "array_double", "monitoring_interval": 0.03, "log_level": None},
        "array_double": {**array_double.config},
    }


@pytest.fixture
def environment(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    monkeypatch.setenv("LITHOPS_CONFIG", json.dumps(config))
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(tmp_path / name) for name in ("array-backend", "faas-backend")),
    }


@pytest.fixture
def left(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a driver and kill it once the platform has its job; returns the key of that."""
    drivers: list[subprocess.Popen[str]] = []

    def leave(seconds: float = 0.0) -> str:
        (tmp_path / "driver.py").write_text(DRIVER)
        driver = subprocess.Popen(
            [sys.executable, str(tmp_path / "driver.py"), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        drivers.append(driver)
        assert driver.stdout is not None
        key = driver.stdout.readline().strip()
        driver.send_signal(signal.SIGKILL)
        driver.wait(DEADLINE_S)
        return key

    yield leave
    for driver in drivers:
        driver.kill()
        assert driver.stdout is not None
        driver.stdout.close()


def lithops_command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lithops", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=DEADLINE_S,
        check=False,
    )


def expected(found: list[Any]) -> bool:
    return (
        found[:3] == [0, 10, 20]
        and isinstance(found[3], LookupError)
        and found[4] == 40
        and found[5] == b"x" * 300_000
        and found[6:] == [60, 70]
    )


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_results_are_collected_by_another_process(left: Callable[..., str], seconds: float, tmp_path: Path) -> None:
    key = left(seconds)
    futures = lithops.attach(key)
    found = lithops.get_result(futures, throw_except=False, timeout=DEADLINE_S)
    assert expected(found), found
    assert futures[0].job_key == key
    assert futures.executor is not None
    futures.executor.close()  # type: ignore[attr-defined]
    with pytest.raises(errors.LithopsError, match=f"there is no job '{key}' to attach to"):
        lithops.attach(key)


def test_an_executor_that_was_attached_to_goes_on(left: Callable[..., str]) -> None:
    futures = lithops.attach(left().rpartition("-")[0])
    fexec = futures.executor
    assert isinstance(fexec, lithops.FunctionExecutor)
    with fexec:
        more = fexec.map(lambda x: x + 1, range(3))
        assert more[0].job_id == "M001"
        assert fexec.get_result(more, timeout=DEADLINE_S) == [1, 2, 3]


def test_a_driver_that_runs_keeps_its_jobs(config: dict[str, Any], environment: dict[str, str]) -> None:
    with lithops.FunctionExecutor(config=config) as fexec:
        future = fexec.call_async(lambda x: x, 1)
        with pytest.raises(errors.LithopsError, match=f"the driver of {fexec.executor_id} still runs"):
            lithops.attach(future.job_key)
        listed = json.loads(lithops_command(environment, "job", "list", "--json").stdout)
        assert [(row["job_key"], row["driver"]) for row in listed] == [(future.job_key, "runs")]
        assert future.result(timeout=DEADLINE_S) == 1
    assert lithops_command(environment, "job", "list").stdout == "no job can be attached to\n"


def test_what_the_platform_has_lost_meanwhile_fails(left: Callable[..., str], array_double: FaasDouble) -> None:
    array_double.configure(array_slots=1, cold_start_s=0.5)
    key = left()
    array_double.inject(reclaim=1.0)
    found = lithops.get_result(lithops.attach(key), throw_except=False, timeout=DEADLINE_S)
    lost = [error for error in found if isinstance(error, errors.WorkerLostError)]
    assert len(lost) >= 5
    assert "the inputs went with the driver" in str(lost[0])


def test_jobs_are_shown_collected_and_cancelled_from_the_command_line(
    left: Callable[..., str], environment: dict[str, str], tmp_path: Path
) -> None:
    key = left()
    listed = lithops_command(environment, "job", "list")
    assert key in listed.stdout
    assert "ended" in listed.stdout
    deadline = time.monotonic() + DEADLINE_S
    while True:
        (row,) = json.loads(lithops_command(environment, "job", "show", key, "--json").stdout)
        assert (row["calls"], row["handed_over"]) == (8, 8)
        if row["reported"] == 8:
            break
        assert time.monotonic() < deadline
    cleaned = lithops_command(environment, "clean")
    assert key.rpartition("-")[0] not in cleaned.stdout  # it can still be attached to
    collected = lithops_command(environment, "job", "attach", key, "--output", str(tmp_path / "results"))
    assert collected.returncode == 1, collected.stderr
    assert "LookupError(3)" in collected.stdout
    assert collected.stderr.endswith("8 calls, 1 failed\n")
    assert expected(pickle.loads((tmp_path / "results").read_bytes()))
    assert lithops_command(environment, "job", "list").stdout == "no job can be attached to\n"

    other = left(60.0)
    cancelled = lithops_command(environment, "job", "cancel", other)
    assert cancelled.returncode == 0, cancelled.stderr
    assert "of 8 calls were cancelled" in cancelled.stdout


def test_a_job_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    ran = lithops_command(environment, "job", "attach", "nowhere-0-M000")
    assert ran.returncode == 1
    assert "there is no job 'nowhere-0-M000' to attach to; 'lithops job list' shows those there are" in ran.stderr
