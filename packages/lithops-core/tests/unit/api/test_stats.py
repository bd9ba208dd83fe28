"""What is measured of a call, under the names users know."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from .conftest import pass_gate

if TYPE_CHECKING:
    from lithops import FunctionExecutor

    from .conftest import Gate

HOST = {
    *("host_job_create_tstamp", "host_job_create_partitions_time", "host_job_serialize_time", "func_data_size_bytes"),
    *("host_func_upload_time", "host_data_upload_time", "host_job_created_time", "host_submit_tstamp"),
    *("host_status_query_count", "host_result_query_count"),
}
WORKER = {
    *("host_status_done_tstamp", "host_result_done_tstamp", "worker_start_tstamp", "worker_end_tstamp"),
    *("worker_exec_time", "worker_func_start_tstamp", "worker_func_end_tstamp", "worker_func_exec_time"),
    *("worker_result_upload_time", "worker_peak_memory_start", "worker_peak_memory_end", "worker_func_cpu_usage"),
    *("worker_func_cpu_system_time", "worker_func_cpu_user_time", "worker_func_rss"),
}


def stats_of(fexec: FunctionExecutor, function: Any, data: Any, **options: Any) -> dict[str, Any]:
    future = fexec.call_async(function, data, **options)
    future.result()
    return future.stats


def burn(seconds: float) -> None:
    import time

    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def fill(mebibytes: int) -> int:
    return len(b"x" * (mebibytes << 20))


def test_a_call_that_runs_has_the_stats_of_its_submission(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)
    gate.arrival()
    stats = future.stats
    assert set(stats) >= HOST
    assert not WORKER & set(stats)
    assert stats["state"] == "Invoked"
    gate.open()
    future.result()
    assert set(future.stats) >= HOST | WORKER


def test_stamps_are_wall_clock_and_in_order(fexec: FunctionExecutor) -> None:
    before = time.time()
    stats = stats_of(fexec, abs, -1)
    stamps = [
        before,
        *(stats[f"host_{name}_tstamp"] for name in ("job_create", "submit")),
        *(stats[f"worker_func_{name}_tstamp"] for name in ("start", "end")),
        stats["host_status_done_tstamp"],
        time.time(),
    ]
    for earlier, later in itertools.pairwise(stamps):
        assert earlier <= later + 0.001  # the clocks of worker and driver are read apart


def test_cpu_time_is_that_of_the_call_itself(lone: FunctionExecutor) -> None:
    stats_of(lone, burn, 0.1)
    idle = stats_of(lone, abs, -1)
    assert idle["worker_func_cpu_user_time"] + idle["worker_func_cpu_system_time"] < 0.05
    busy = stats_of(lone, burn, 0.1)
    assert 0.09 <= busy["worker_func_cpu_user_time"] + busy["worker_func_cpu_system_time"] < 0.5
    assert busy["worker_func_exec_time"] >= 0.09
    (usage,) = busy["worker_func_cpu_usage"]
    assert 1 < usage < 130


def test_waiting_costs_no_cpu_time(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)
    gate.arrival()
    gate.open()
    future.result()
    assert future.stats["worker_func_cpu_user_time"] < 0.05


def test_memory_is_what_the_call_itself_took(lone: FunctionExecutor) -> None:
    mebibyte = 1 << 20
    small = stats_of(lone, abs, -1)
    assert small["worker_func_rss"] < 20 * mebibyte
    large = stats_of(lone, fill, 100)
    assert 95 * mebibyte < large["worker_func_rss"] < 130 * mebibyte
    assert large["worker_peak_memory_end"] - large["worker_peak_memory_start"] == large["worker_func_rss"]
    after = stats_of(lone, abs, -1)
    assert after["worker_func_rss"] < 20 * mebibyte


def test_stats_tell_attempts_and_workers(lone: FunctionExecutor) -> None:
    futures = lone.map(abs, range(3))
    futures.wait()
    assert {f.stats["attempt"] for f in futures} == {1}
    assert len({f.stats["worker"] for f in futures}) == 1
    assert futures[0].stats["worker"] == futures[0].activation_id


def test_the_size_of_a_pickled_result_is_told(lone: FunctionExecutor) -> None:
    future = lone.call_async(lambda n: {"n": bytes(n)}, 5000)
    lone.wait(future)
    assert 5000 < future.stats["func_result_size"] < 6000


def test_a_failed_call_has_stats_too(lone: FunctionExecutor) -> None:
    future = lone.call_async(lambda x: 1 // x, 0)
    future.exception()
    assert future.stats["state"] == "Error"
    assert set(future.stats) >= HOST | WORKER
