"""Whose workers joblib's calls run on, how many, and what large arrays cost them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import pytest
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import get_active_backend

from lithops import FunctionExecutor
from lithops.errors import BadCallError, LithopsError
from lithops.records import replaced
from lithops.util.joblib import register_lithops
from lithops.util.joblib.workers import Workers

from .conftest import DEADLINE_S, Gate, pass_gate, processes_of

LARGE = 1 << 20
"""Bytes from which on joblib takes an array for shared."""


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    register_lithops()


def double(x: int) -> int:
    return 2 * x


def test_n_jobs_is_the_most_that_run_at_a_time() -> None:
    def work(_: int) -> tuple[float, float]:
        begin = time.monotonic()
        while time.monotonic() < begin + 0.02:
            pass
        return begin, time.monotonic()

    with (
        FunctionExecutor(worker_processes=4) as executor,
        parallel_config(backend="lithops", executor=executor, n_jobs=2),
    ):
        spans = Parallel(batch_size=1, pre_dispatch="all")(delayed(work)(x) for x in range(16))
    assert max(sum(a <= begin < b for a, b in spans) for begin, _ in spans) <= 2


def test_more_jobs_than_workers_get_more_workers(gate: Gate) -> None:
    with parallel_config(backend="lithops", worker_processes=1, idle_worker_timeout=0):
        assert len(processes_of(2, gate)) == 2


def test_all_workers_are_used_when_no_number_is_given(gate: Gate) -> None:
    with parallel_config(backend="lithops", worker_processes=3, idle_worker_timeout=0):
        assert joblib.effective_n_jobs(-1) == joblib.effective_n_jobs(None) == 3
        assert joblib.effective_n_jobs(-2) == 2
        assert joblib.effective_n_jobs(-9) == 1


def test_one_job_runs_in_this_process(two_jobs: None) -> None:
    assert Parallel(n_jobs=1)(delayed(os.getpid)() for _ in range(3)) == [os.getpid()] * 3


def test_zero_jobs_are_refused(two_jobs: None) -> None:
    with pytest.raises(ValueError, match="n_jobs must not be 0; -1 means all workers"):
        Parallel(n_jobs=0)(delayed(double)(x) for x in range(3))


def test_all_workers_of_a_backend_that_does_not_know_are_refused(
    fexec: FunctionExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = fexec._session
    monkeypatch.setattr(session, "limits", replaced(session.limits, parallel_calls=None))
    with parallel_config(backend="lithops", executor=fexec):
        with pytest.raises(BadCallError, match=r"n_jobs=-1 counts from all workers, and .* e\.g\. n_jobs=100"):
            Parallel()(delayed(double)(x) for x in range(3))
        assert Parallel(n_jobs=2)(delayed(double)(x) for x in range(3)) == [0, 2, 4]


def test_parallels_of_one_context_and_of_contexts_alike_share_workers(gate: Gate) -> None:
    found = []
    for _ in range(2):
        with parallel_config(backend="lithops", worker_processes=2, idle_worker_timeout=DEADLINE_S):
            found += [processes_of(2, gate), processes_of(2, gate)]
    assert found[0] == found[1] == found[2] == found[3]


def test_workers_end_when_nobody_has_used_them_for_a_while(gate: Gate) -> None:
    with parallel_config(backend="lithops", worker_processes=2, idle_worker_timeout=0.01):
        results = Parallel(return_as="generator")(delayed(pass_gate)(gate.path) for _ in range(2))
        workers = [psutil.Process(gate.arrival()), psutil.Process(gate.arrival())]
        gate.open(2)
        list(results)
        assert psutil.wait_procs(workers, timeout=DEADLINE_S)[1] == []
        assert Parallel()(delayed(double)(x) for x in range(3)) == [0, 2, 4]


def test_an_executor_that_has_failed_is_lent_to_nobody_else() -> None:
    workers = Workers({"worker_processes": 1}, idle_worker_timeout=DEADLINE_S)
    failed = workers.borrow(1)
    workers.drop(failed)
    fresh = workers.borrow(1)
    assert fresh.executor is not failed.executor
    workers.give_back(failed)
    assert failed.executor._session.closed
    fresh.executor.close()


def test_libraries_are_told_how_many_threads_they_may_have() -> None:
    def threads() -> str | None:
        return os.environ.get("OMP_NUM_THREADS")

    jobs = 2
    with parallel_config(backend="lithops", n_jobs=jobs, idle_worker_timeout=0):
        share = max(joblib.cpu_count() // jobs, 1)
        assert Parallel()(delayed(threads)() for _ in range(2)) == [os.environ.get("OMP_NUM_THREADS", str(share))] * 2
    with parallel_config(backend="lithops", n_jobs=jobs, inner_max_num_threads=3, idle_worker_timeout=0):
        assert Parallel()(delayed(threads)() for _ in range(2)) == ["3", "3"]


def test_a_parallel_inside_of_a_call_uses_threads_and_inside_of_that_nothing(two_jobs: None) -> None:
    def name() -> str:
        return type(get_active_backend()[0]).__name__

    def outer() -> tuple[str, list[str]]:
        return name(), Parallel(n_jobs=2)(delayed(name)() for _ in range(2))

    assert Parallel()(delayed(outer)() for _ in range(2)) == [("ThreadingBackend", ["SequentialBackend"] * 2)] * 2


# --- large arrays


def memory_of(array: np.ndarray[Any, Any], _number: int) -> tuple[str, bool]:
    """Return which memory object an array stands in, and whether it can be written to."""
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(text, 16) for text in line.split()[0].split("-"))
        if begin <= address < end:
            return line.split()[4], array.flags.writeable
    raise LookupError(hex(address))


@pytest.mark.needs("linux")
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_array_is_sent_once_and_arrives_read_only(two_jobs: None, order: Any) -> None:
    array = np.ones((LARGE // 64, 8), order=order)
    found = Parallel(batch_size=1)(delayed(memory_of)(array, x) for x in range(12))
    assert len(set(found)) == 1
    assert found[0][1] is False


@pytest.mark.needs("linux")
@pytest.mark.parametrize("options", [{"max_nbytes": None}, {"mmap_mode": "c"}, {"max_nbytes": "2M"}], ids=str)
def test_an_array_that_is_not_shared_arrives_writable(two_jobs: None, options: dict[str, Any]) -> None:
    array = np.ones(LARGE // 8)
    found = Parallel(batch_size=1, **options)(delayed(memory_of)(array, x) for x in range(4))
    assert {writable for _, writable in found} == {True}


def test_an_array_is_taken_as_it_is_when_the_parallel_begins(two_jobs: None) -> None:
    array = np.zeros(LARGE // 8)
    with Parallel() as parallel:
        for value in range(3):
            array[:] = value
            assert parallel(delayed(np.sum)(array) for _ in range(3)) == [value * array.size] * 3


def test_large_arrays_that_nobody_has_any_more_are_let_go(two_jobs: None) -> None:
    here = psutil.Process()
    before = here.num_fds()
    sums = Parallel(batch_size=1)(delayed(np.sum)(np.full(LARGE // 8, float(x))) for x in range(40))
    assert sums == [float(x * LARGE // 8) for x in range(40)]
    assert here.num_fds() <= before + 4


# --- what cannot be meant


def test_without_joblib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "joblib", None)
    with pytest.raises(
        LithopsError, match=r"needs joblib, which cannot be imported; pip install 'lithops-core\[joblib\]'"
    ):
        register_lithops()


def test_a_joblib_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib, "__version__", "1.3.2")
    with pytest.raises(LithopsError, match=r"needs joblib 1\.4 or newer, found 1\.3\.2; pip install --upgrade"):
        register_lithops()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "localhost"}, "executor= takes a FunctionExecutor, found 'localhost'; without it, one is made"),
        ({"idle_worker_timeout": -1}, "idle_worker_timeout must be a number of seconds from 0 up, found -1"),
    ],
    ids=str,
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCallError, match=message):
        parallel_config(backend="lithops", **options)


def test_an_executor_takes_no_options_beside_it(fexec: FunctionExecutor) -> None:
    with pytest.raises(
        BadCallError, match="executor= takes no options beside it, found worker_processes; give them to the executor"
    ):
        parallel_config(backend="lithops", executor=fexec, worker_processes=2)
