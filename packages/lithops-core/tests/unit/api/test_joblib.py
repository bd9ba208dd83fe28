"""joblib on an executor: what `Parallel` returns and raises, and what becomes of the rest."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from joblib import Parallel, delayed, parallel_config

from lithops import FunctionExecutor
from lithops.errors import BadCallError, CancelledError, ClosedError, WorkerCrashedError

from .conftest import DEADLINE_S, Gate, Program, pass_gate, processes_of


def double(x: int) -> int:
    return 2 * x


def fail_at(x: int, bad: int) -> int:
    if x == bad:
        raise KeyError(x)
    return x


# --- results


def test_results_are_in_the_order_of_the_calls(two_jobs: None) -> None:
    assert Parallel()(delayed(double)(x) for x in range(300)) == [2 * x for x in range(300)]


@pytest.mark.parametrize("options", [{"batch_size": 7}, {"pre_dispatch": "all"}, {"pre_dispatch": 1}, {"verbose": 0}])
def test_options_of_dispatching_change_no_result(two_jobs: None, options: dict[str, Any]) -> None:
    assert Parallel(**options)(delayed(double)(x) for x in range(40)) == [2 * x for x in range(40)]


def test_nothing_to_do_gives_nothing(two_jobs: None) -> None:
    assert Parallel()(delayed(double)(x) for x in ()) == []


def test_one_parallel_can_be_used_again_and_again(two_jobs: None) -> None:
    with Parallel() as parallel:
        for shift in range(3):
            assert parallel(delayed(double)(x + shift) for x in range(20)) == [2 * (x + shift) for x in range(20)]


def test_a_generator_yields_results_in_order(two_jobs: None) -> None:
    assert list(Parallel(return_as="generator")(delayed(double)(x) for x in range(50))) == [2 * x for x in range(50)]


def test_an_unordered_generator_yields_what_ends_first(two_jobs: None, gate: Gate) -> None:
    def work(x: int) -> int:
        if x == 0:
            pass_gate(gate.path)
        return x

    results = Parallel(return_as="generator_unordered", batch_size=1)(delayed(work)(x) for x in range(20))
    assert sorted(next(results) for _ in range(19)) == list(range(1, 20))
    gate.open()
    assert list(results) == [0]


def test_generators_can_feed_one_another(two_jobs: None) -> None:
    first = Parallel(return_as="generator")(delayed(double)(x) for x in range(30))
    second = Parallel(return_as="generator")(delayed(double)(x) for x in first)
    assert Parallel()(delayed(double)(x) for x in second) == [8 * x for x in range(30)]


def test_an_abandoned_generator_cancels_its_own_calls_only(two_jobs: None, gate: Gate) -> None:
    abandoned = Parallel(return_as="generator")(delayed(pass_gate)(gate.path) for _ in range(2))
    gate.arrival()
    other = Parallel(return_as="generator")(delayed(double)(x) for x in range(20))
    with pytest.warns(UserWarning, match="have been cancelled"):
        del abandoned
    assert list(other) == [2 * x for x in range(20)]


def test_several_threads_have_a_parallel_each(fexec: FunctionExecutor) -> None:
    found: dict[int, list[int]] = {}

    def work(number: int) -> None:
        with parallel_config(backend="lithops", executor=fexec, n_jobs=2):
            for _ in range(3):
                found[number] = Parallel()(delayed(double)(x + number) for x in range(40))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert found == {number: [2 * (x + number) for x in range(40)] for number in range(4)}


# --- failures


@pytest.mark.parametrize("options", [{}, {"return_as": "generator"}, {"timeout": DEADLINE_S}], ids=str)
def test_an_error_arrives_as_itself_with_the_remote_traceback(two_jobs: None, options: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="23") as caught:
        list(Parallel(**options)(delayed(fail_at)(x, 23) for x in range(100)))
    assert "in fail_at" in str(caught.value.__cause__)


def test_an_error_cancels_what_runs(two_jobs: None, gate: Gate, other_gate: Gate) -> None:
    def work(x: int) -> None:
        pass_gate(gate.path)
        raise KeyError(x)

    def let_one_pass() -> None:
        gate.arrival()
        gate.arrival()
        gate.open()

    watcher = threading.Thread(target=let_one_pass)
    watcher.start()
    with pytest.raises(KeyError):
        Parallel()(delayed(work)(x) for x in range(2))
    watcher.join(DEADLINE_S)
    assert len(processes_of(2, other_gate)) == 2


def test_calls_that_run_too_long_raise_a_timeout_and_are_cancelled(
    two_jobs: None, gate: Gate, other_gate: Gate
) -> None:
    with pytest.raises(multiprocessing.TimeoutError):
        Parallel(timeout=0.2)(delayed(pass_gate)(gate.path) for _ in range(2))
    assert len(processes_of(2, other_gate)) == 2


@pytest.mark.parametrize("options", [{}, {"return_as": "generator"}], ids=str)
@pytest.mark.parametrize("position", [0, 60])
def test_an_argument_that_cannot_be_pickled_is_named(two_jobs: None, position: int, options: dict[str, Any]) -> None:
    items = [threading.Lock() if x == position else x for x in range(80)]
    with pytest.raises(
        BadCallError, match=r"^argument 0 in the call of '.*' cannot be pickled: it is of type '_thread.lock'"
    ):
        list(Parallel(batch_size=1, **options)(delayed(repr)(item) for item in items))
    assert Parallel()(delayed(double)(x) for x in range(4)) == [0, 2, 4, 6]


def test_an_iterator_that_raises_ends_the_call(two_jobs: None) -> None:
    def items() -> Iterator[Any]:
        for x in range(40):
            yield delayed(double)(x)
        raise ZeroDivisionError("no more")

    with pytest.raises(ZeroDivisionError, match="no more"):
        Parallel(batch_size=1)(items())


def test_a_call_that_takes_its_process_down_says_so(two_jobs: None) -> None:
    with pytest.raises(WorkerCrashedError):
        Parallel()(delayed(os._exit)(3) for _ in range(2))
    assert Parallel()(delayed(double)(x) for x in range(4)) == [0, 2, 4, 6]


def test_a_call_whose_worker_is_killed_is_run_again(two_jobs: None, gate: Gate) -> None:
    results = Parallel(return_as="generator")(delayed(pass_gate)(gate.path) for _ in range(2))
    victim = gate.arrival()
    gate.arrival()
    os.kill(victim, signal.SIGKILL)
    gate.arrival()
    gate.open(2)
    assert victim not in set(results)


def test_an_executor_that_is_closed_meanwhile_cancels_its_calls(gate: Gate) -> None:
    executor = FunctionExecutor(worker_processes=2)
    with parallel_config(backend="lithops", executor=executor, n_jobs=2):
        results = Parallel(return_as="generator")(delayed(pass_gate)(gate.path) for _ in range(2))
        gate.arrival()
        executor.close()
        with pytest.raises(CancelledError, match="closed"):
            list(results)
        with pytest.raises(ClosedError, match="make a new one"):
            Parallel()(delayed(double)(x) for x in range(4))


def test_an_interrupt_cancels_and_leaves_everything_usable(run_program: Program) -> None:
    done = run_program(
        """
        import os, signal, time
        from joblib import Parallel, delayed, parallel_config
        from lithops.util.joblib import register_lithops

        def interrupt(driver):
            os.kill(driver, signal.SIGINT)
            time.sleep(1000)

        def double(x):
            return 2 * x

        register_lithops()
        with parallel_config(backend="lithops", n_jobs=2):
            for again in range(2):
                try:
                    Parallel()([delayed(interrupt)(os.getpid()), delayed(time.sleep)(1000)])
                except KeyboardInterrupt:
                    print("interrupted")
            print(Parallel()(delayed(double)(x) for x in range(3)))
        """.replace("\n        ", "\n")
    )
    assert done.stdout.splitlines() == ["interrupted", "interrupted", "[0, 2, 4]"]


def test_a_forked_child_gets_workers_of_its_own(run_program: Program) -> None:
    done = run_program(
        """
        import os
        from joblib import Parallel, delayed, parallel_config
        from lithops.util.joblib import register_lithops

        register_lithops()
        with parallel_config(backend="lithops", n_jobs=2, idle_worker_timeout=60):
            assert Parallel()(delayed(abs)(-x) for x in range(3)) == [0, 1, 2]
            child = os.fork()
            if child == 0:
                os._exit(Parallel()(delayed(abs)(-x) for x in range(4)) == [0, 1, 2, 3])
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            print(Parallel()(delayed(abs)(-x) for x in range(3)))
        """.replace("\n        ", "\n"),
        PYTHONWARNINGS="ignore",
    )
    assert done.stdout.splitlines() == ["1", "[0, 1, 2]"]
