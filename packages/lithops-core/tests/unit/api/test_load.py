"""Many threads, many jobs, many calls."""

from __future__ import annotations

import gc
import pickle
import threading
import tracemalloc
from pathlib import Path

import pytest

from lithops import FunctionExecutor
from lithops.errors import LithopsError

from .conftest import DEADLINE_S, Gate, pass_gate


def test_threads_share_an_executor(fexec: FunctionExecutor) -> None:
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for round_ in range(10):
                offset = number * 1000 + round_
                assert fexec.call_async(abs, -offset).result(timeout=DEADLINE_S) == offset
                futures = fexec.map(abs, range(offset, offset + 5))
                assert fexec.get_result(futures, timeout=DEADLINE_S) == list(range(offset, offset + 5))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert problems == []


def test_a_job_outlives_another_that_had_a_large_shared_argument(lone: FunctionExecutor, gate: Gate) -> None:
    several = lone.map(pass_gate, [(gate.path,)] * 9, chunksize=1)
    gate.arrival()
    large = bytearray(5_000_000)
    shared = lone.map(lambda data, i: i, [(pickle.PickleBuffer(large), i) for i in range(2)], chunksize=1)
    gate.open(9)
    assert lone.get_result(shared) == [0, 1]
    assert len(set(lone.get_result(several))) == 1


def test_jobs_submitted_at_the_same_time_have_ids_of_their_own(fexec: FunctionExecutor) -> None:
    keys: list[str] = []

    def submit() -> None:
        keys.extend(fexec.call_async(abs, -1).job_key for _ in range(100))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert len(set(keys)) == len(keys) == 800


def test_thousands_of_jobs_in_one_executor_leak_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer jobs are kept, so that what a hundred thousand jobs would show is shown by some hundred.
    monkeypatch.setattr("lithops.jobs.kept.MOST_TAKEN", 100)
    fexec = FunctionExecutor(worker_processes=1)

    def run(calls: int) -> None:
        for number in range(calls):
            assert fexec.call_async(abs, -number).result() == number

    def measure() -> tuple[int, int]:
        gc.collect()
        return len(gc.get_objects()), tracemalloc.get_traced_memory()[0]

    run(300)
    tracemalloc.start()
    run(300)
    objects, held = measure()
    run(1000)
    more_objects, more_held = measure()
    tracemalloc.stop()
    assert len(fexec.futures) <= 101
    fexec.close()
    assert more_objects - objects < 300
    assert more_held - held < 80_000  # an object for each job would be more


def test_results_that_were_taken_are_let_go(lone: FunctionExecutor) -> None:
    def make(number: int) -> bytes:
        return bytes([number]) * 2_000_000

    gc.collect()
    tracemalloc.start()
    for number in range(30):
        futures = lone.map(make, [number, number])
        assert len(futures.get_result()) == 2
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 20_000_000  # those of one job are 4 MB, of all 120 MB

    assert futures[1].result()[:1] == bytes([29])
    remembered = lone.futures[-60:]
    assert [f.state for f in remembered] == ["Done"] * 60
    assert all(f.stats["worker_func_exec_time"] >= 0 for f in remembered)
    assert remembered[-1].result() == futures[1].result()
    message = "the result of call 00000 was taken, and let go when nobody had its future any more; keep the future"
    with pytest.raises(LithopsError, match=message):
        remembered[0].result()
    with pytest.raises(LithopsError, match=message):
        pickle.dumps(remembered[0])
    assert lone.wait(remembered)[1] == []


def test_large_results_that_were_taken_in_another_order_are_let_go(lone: FunctionExecutor) -> None:
    gc.collect()
    tracemalloc.start()
    pending = [lone.call_async(bytes, 1_000_000) for _ in range(5)]
    for _ in range(150):
        pending.append(lone.call_async(bytes, 1_000_000))
        assert len(pending.pop(0).result(timeout=DEADLINE_S)) == 1_000_000
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 110_000_000  # of 150 MB


def test_a_map_of_many_calls_is_light(fexec: FunctionExecutor) -> None:
    gc.collect()
    tracemalloc.start()
    futures = fexec.map(abs, range(100_000))
    results = fexec.get_result(futures)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert results == list(range(100_000))
    assert held / 100_000 < 200  # of which 36 are the results themselves
    assert futures.job is not None


def test_chained_maps_of_many_calls_come_through(fexec: FunctionExecutor) -> None:
    assert fexec.map(abs, range(3000)).map_reduce(abs, sum).get_result(timeout=DEADLINE_S) == 4_498_500


def test_executors_that_come_and_go_keep_no_descriptors() -> None:
    def use() -> int:
        with FunctionExecutor(worker_processes=2) as fexec:
            assert fexec.map(abs, [-1, -2]).get_result() == [1, 2]
        return len([*Path("/dev/fd").iterdir()])

    assert use() == use() == use()
