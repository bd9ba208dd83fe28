"""Results that come through the store, and what is too large for requests and answers."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lithops import errors
from lithops.jobs.inputs import Inputs
from lithops.storage import Storage
from lithops_testing.faas import FaasDouble

from .conftest import Make

DEADLINE_S = 120


def double(x: int) -> int:
    return 2 * x


def objects(state: Path) -> list[str]:
    """Return the keys of all objects in the store of this test."""
    storage = Storage(storage_config={"backend": "localhost", "localhost": {"root": str(state / "storage")}})
    try:
        return storage.list_keys(storage.bucket)
    except errors.BucketNotFound:
        return []


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_results_come_through_the_store(make: Make, faas_double: FaasDouble, state: Path) -> None:
    fexec = make(monitoring="storage")
    futures = fexec.map(double, range(100))
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [2 * x for x in range(100)]
    assert {future.stats["lane"] for future in futures} == {"storage"}
    assert faas_double.counters()["by_status"] == {"200": 100}
    assert faas_double.counters()["response_bytes"] == 0
    kinds = [key.split("/")[2] for key in objects(state)]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"functions": 1, "reports": 100}


def test_small_calls_touch_no_store_where_answers_come_back(make: Make, state: Path) -> None:
    fexec = make()
    assert fexec.get_result(fexec.map(double, range(10)), timeout=DEADLINE_S) == [2 * x for x in range(10)]
    assert objects(state) == []


@pytest.mark.parametrize("lane", ["response", "storage"])
def test_large_inputs_and_results_go_through_the_store_and_small_ones_do_not(
    make: Make, state: Path, lane: str
) -> None:
    fexec = make(monitoring=lane, request_bytes=200_000, event_bytes=200_000, response_bytes=200_000)
    items = [b"x" * size for size in (10, 300_000, 20, 500_000)]
    futures = fexec.map(lambda data: data + data, items)
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [data + data for data in items]
    keys = objects(state)
    assert sum("/inputs/" in key for key in keys) == 2
    assert sum("/results/" in key for key in keys) == 2


@pytest.mark.parametrize("lane", ["response", "storage"])
def test_a_large_function_goes_there_once(make: Make, state: Path, lane: str) -> None:
    fexec = make(monitoring=lane, request_bytes=200_000, event_bytes=200_000)
    ballast = bytes(range(251)) * 2000
    futures = fexec.map(lambda x: ballast[x], range(20))
    assert fexec.get_result(futures, timeout=DEADLINE_S) == list(range(20))
    assert sum("/functions/" in key for key in objects(state)) == 1


def test_several_large_results_of_one_activation_come_back_in_their_places(make: Make, state: Path) -> None:
    fexec = make(response_bytes=300_000)
    sizes = [10, 200_000, 150_000, 5, 250_000]
    futures = fexec.map(lambda n: bytes([n % 251]) * n, sizes, chunksize=5)
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [bytes([n % 251]) * n for n in sizes]
    assert sum("/results/" in key for key in objects(state)) == 1


def test_an_error_and_a_crash_come_through_the_store(make: Make) -> None:
    def fail(how: str) -> None:
        import os

        if how == "raise":
            raise LookupError(how)
        os._exit(3)

    fexec = make(monitoring="storage")
    raised, crashed = fexec.get_result(fexec.map(fail, ["raise", "exit"]), throw_except=False, timeout=DEADLINE_S)
    assert isinstance(raised, LookupError)
    assert isinstance(crashed, errors.WorkerCrashedError)


def test_an_environment_that_dies_is_noticed(make: Make, faas_double: FaasDouble) -> None:
    fexec = make(monitoring="storage")
    faas_double.inject(memory={"next": 1})
    with pytest.raises(errors.MemoryLimitError):
        fexec.call_async(double, 1).result(timeout=DEADLINE_S)


def test_a_forged_report_is_not_believed(make: Make, state: Path) -> None:
    gate = state / "gate"

    def wait(x: int) -> int:
        import os
        import time

        while not os.path.exists(gate):
            time.sleep(0.01)
        return x

    fexec = make(monitoring="storage")
    gate = str(gate)  # type: ignore[assignment]
    future = fexec.call_async(wait, 7)
    storage = Storage(storage_config={"backend": "localhost", "localhost": {"root": str(state / "storage")}})
    collector = fexec._session._invoker._opened.collector
    assert collector is not None
    while not collector._awaited:
        time.sleep(0.01)
    (awaited,) = collector._awaited.values()
    storage.put_object(storage.bucket, awaited.place.key, b"x" * 200)
    while not future.attempts:
        time.sleep(0.01)
    Path(str(gate)).touch()
    assert future.result(timeout=DEADLINE_S) == 7
    assert future.stats["failed_attempts"][0]["error"].startswith("WorkerLostError: the worker was lost (forged)")


def test_changed_inputs_are_not_run(make: Make, state: Path, faas_double: FaasDouble) -> None:
    storage = Storage(storage_config={"backend": "localhost", "localhost": {"root": str(state / "storage")}})
    stop = threading.Event()

    def tamper() -> None:
        while not stop.wait(0.005):
            for key in objects(state):
                if "/inputs/" in key:
                    storage.put_object(storage.bucket, key, b"y" * 300_100)

    faas_double.configure(latency_s=0.5)
    fexec = make(retries=1, request_bytes=200_000)
    thread = threading.Thread(target=tamper)
    thread.start()
    try:
        with pytest.raises(errors.StorageError, match="does not hold what was put there"):
            fexec.call_async(len, b"x" * 300_000).result(timeout=DEADLINE_S)
    finally:
        stop.set()
        thread.join()


def test_an_executor_leaves_only_results_that_were_not_taken(make: Make, state: Path) -> None:
    fexec = make(monitoring="storage", event_bytes=200_000)
    large = fexec.map(lambda data: data + data, [b"x" * 300_000] * 3)
    fexec.wait(large, timeout=DEADLINE_S)
    assert len(objects(state)) == 10  # a function, three inputs, reports and results
    fexec.close()
    assert [key.split("/")[2] for key in objects(state)] == ["results"] * 3
    assert [len(future.result()) for future in large] == [600_000] * 3


def test_clean_removes_what_jobs_have_in_the_store(make: Make, state: Path) -> None:
    fexec = make(monitoring="storage")
    fexec.get_result(fexec.map(double, range(3)), timeout=DEADLINE_S)
    fexec.clean()
    assert objects(state) == []
    assert fexec.get_result(fexec.map(double, range(3)), timeout=DEADLINE_S) == [0, 2, 4]


def test_functions_have_their_storage_where_they_run(make: Make) -> None:
    def keep(x: int, storage: Storage) -> str:
        storage.put_object(storage.bucket, f"kept/{x}", b"x" * x)
        return storage.put_cloudobject(b"y" * x)  # type: ignore[no-any-return]

    fexec = make()
    clouds = fexec.get_result(fexec.map(keep, [1, 2]), timeout=DEADLINE_S)
    storage = fexec.storage
    assert [storage.get_object(storage.bucket, f"kept/{x}") for x in (1, 2)] == [b"x", b"xx"]
    assert [storage.get_cloudobject(cloud) for cloud in clouds] == [b"y", b"yy"]


@pytest.mark.parametrize("lane", ["response", "storage"])
def test_inputs_that_are_many_are_not_kept_in_memory(
    make: Make, state: Path, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    monkeypatch.setattr("lithops.jobs.inputs.KEPT_BYTES", 20_000)
    fexec = make(monitoring=lane)
    items = ({"number": k, "ballast": "x" * 100} for k in range(1000))
    futures = fexec.map(lambda number, ballast: number + len(ballast), items, chunksize=50)
    source = futures[0]._job.source
    assert isinstance(source, Inputs)
    assert sum(len(block.payload.body) for block in source._blocks) < 30_000
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [100 + k for k in range(1000)]
    assert 3 <= sum("/inputs/" in key for key in objects(state)) < 20
