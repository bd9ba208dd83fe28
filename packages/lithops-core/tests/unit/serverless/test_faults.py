"""Whatever the platform does to requests, every result is right, and nothing waits for ever."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lithops import errors
from lithops_testing.faas import FaasDouble

from .conftest import Make

DEADLINE_S = 120
LANES = ("response", "storage")
FAULTS: dict[str, dict[str, Any]] = {
    "throttle": {"probability": 0.05, "seconds": 0.05},
    "lost_answer": {"probability": 0.05},
    "crash_before": {"probability": 0.05},
    "crash_after": {"probability": 0.05},
    "reclaim": {"probability": 0.05},
    "duplicate": {"probability": 0.05},
    "truncated_body": {"probability": 0.05},
    "slow_body": {"probability": 0.05, "seconds": 0.05},
    "latency": {"probability": 0.05, "seconds": 0.05},
    "error_500": {"probability": 0.05},
    "error_503": {"probability": 0.05},
}


def double(x: int) -> int:
    return 2 * x


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_is_made_up_for(make: Make, faas_double: FaasDouble, fault: str, lane: str) -> None:
    fexec = make(retries=20, monitoring=lane)
    faas_double.inject(**{fault: {**FAULTS[fault], "next": 2}})
    assert fexec.get_result(fexec.map(double, range(40)), timeout=DEADLINE_S) == [2 * x for x in range(40)]
    assert faas_double.counters()["faults"][fault] >= 2


@pytest.mark.parametrize("lane", LANES)
def test_all_faults_together_are_made_up_for(make: Make, faas_double: FaasDouble, lane: str) -> None:
    fexec = make(retries=30, max_workers=8, monitoring=lane)
    faas_double.inject(**FAULTS)
    assert fexec.get_result(fexec.map(double, range(300)), timeout=DEADLINE_S) == [2 * x for x in range(300)]


def test_a_platform_that_is_gone_for_a_while_is_waited_for(make: Make, faas_double: FaasDouble) -> None:
    fexec = make()
    assert fexec.call_async(double, 1).result(timeout=DEADLINE_S) == 2
    faas_double.outage(0.5)
    assert fexec.get_result(fexec.map(double, range(20)), timeout=DEADLINE_S) == [2 * x for x in range(20)]


def test_a_platform_that_is_gone_for_good_ends_the_calls(make: Make) -> None:
    with FaasDouble() as short_lived:
        fexec = make(retries=1, **short_lived.config)
        assert fexec.call_async(double, 1).result(timeout=DEADLINE_S) == 2
    with pytest.raises(errors.WorkerLostError, match=r"the worker was lost 2 times \(unreachable\)"):
        fexec.call_async(double, 1).result(timeout=DEADLINE_S)


def test_a_token_that_is_taken_away_is_said_at_once_and_not_shown(make: Make, faas_double: FaasDouble) -> None:
    with pytest.raises(errors.BackendError, match="is `token` right") as caught:
        make(token="not the one").call_async(double, 1).result(timeout=DEADLINE_S)
    assert "not the one" not in str(caught.value)


def test_cancelled_calls_do_not_keep_others_from_running(make: Make, faas_double: FaasDouble, tmp_path: Path) -> None:
    fexec = make(max_workers=1)
    faas_double.inject(latency={"next": 1, "seconds": 1.0})
    futures = fexec.map(double, range(50))
    for future in futures[:45]:
        future.cancel()
    assert fexec.get_result(futures[45:], timeout=DEADLINE_S) == [90, 92, 94, 96, 98]
    assert all(future.cancelled() for future in futures[:45])
    assert faas_double.counters()["executed"] <= 6


def test_many_threads_may_submit(make: Make) -> None:
    fexec, found = make(), {}

    def submit(k: int) -> None:
        found[k] = fexec.call_async(double, k).result(timeout=DEADLINE_S)

    threads = [threading.Thread(target=submit, args=(k,)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert found == {k: 2 * k for k in range(20)}


def test_closing_ends_what_is_under_way(make: Make, faas_double: FaasDouble) -> None:
    fexec = make(max_workers=1)
    faas_double.inject(latency={"next": 1, "seconds": 30.0})
    futures = fexec.map(double, range(10))
    fexec.close()
    for future in futures:
        with pytest.raises(errors.CancelledError):
            future.result(timeout=DEADLINE_S)


def test_a_runtime_of_another_python_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr("lithops.opening.sys", type("Sys", (), {"version_info": (3, 99)}))
    assert sys.version_info < (3, 99)
    with pytest.raises(
        errors.RuntimeMismatchError, match=r"the driver runs Python 3\.99 but runtime 'lithops-.*is Python"
    ):
        make()
