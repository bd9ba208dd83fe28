"""The life of an executor: what it is, what it was told, and how it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops import FunctionExecutor, LocalhostExecutor
from lithops.errors import CancelledError, ClosedError

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate, Program


@contextlib.contextmanager
def ends(*pids: int) -> Iterator[None]:
    """Check that these processes have ended, or are about to, when the block is left."""
    handles = [os.pidfd_open(pid) for pid in pids]
    yield
    for handle in handles:
        assert select.select([handle], [], [], DEADLINE_S)[0], "a process was left behind"
        os.close(handle)


def children() -> set[int]:
    """The processes that this one has started and that have not been waited for; none where that cannot be seen."""
    found = set[int]()
    if not Path("/proc/self/task").exists():
        return found
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def test_an_executor_says_what_it_is() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        session, number = fexec.executor_id.split("-")
        assert len(session) == 6
        assert int(session, 16) >= 0
        assert number.isdigit()
        assert (fexec.mode, fexec.backend) == ("localhost", "localhost")
        assert fexec.futures == []
        assert fexec.total_jobs == 0
        assert fexec.last_call is None
        assert fexec.is_lithops_worker is False
        assert repr(fexec) == f"<FunctionExecutor {fexec.executor_id} on localhost>"
    assert repr(fexec) == f"<FunctionExecutor {fexec.executor_id} on localhost, closed>"


def test_executors_have_ids_of_their_own() -> None:
    with FunctionExecutor() as one, FunctionExecutor() as two:
        assert one.executor_id != two.executor_id


def test_an_executor_remembers_its_futures_and_its_last_call(lone: FunctionExecutor) -> None:
    call = lone.call_async(abs, -1)
    assert lone.last_call == "call_async"
    mapped = lone.map(abs, [1, 2])
    assert lone.last_call == "map"
    reduced = lone.map_reduce(abs, [1], sum)
    assert lone.last_call == "map_reduce"
    assert lone.futures[-5:] == [call, *mapped, *reduced]
    assert lone.futures.executor is lone


def test_the_config_reads_like_a_nested_dict() -> None:
    config = {"lithops": {"execution_timeout": 5}, "localhost": {"worker_processes": 1}}
    with FunctionExecutor(config=config) as fexec:
        assert fexec.config["lithops"]["backend"] == "localhost"
        assert fexec.config["lithops"]["storage"] == "localhost"
        assert fexec.config["lithops"]["execution_timeout"] == 5
        assert fexec.config["localhost"]["worker_processes"] == 1
        assert dict(fexec.config["localhost"])["worker_processes"] == 1
        assert fexec.config.get("aws") is None
        assert "lithops" in fexec.config


def test_keywords_become_keys_of_the_backend() -> None:
    with LocalhostExecutor(worker_processes=1, runtime_memory=None) as fexec:
        assert fexec.config["localhost"]["worker_processes"] == 1
        assert fexec.mode == "localhost"


def test_an_executor_has_a_storage() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        fexec.storage.put_object(fexec.storage.bucket, "key", b"value")
        assert fexec.storage is fexec.storage
        assert fexec.storage.backend == "localhost"


# --- the end


def test_leaving_the_block_waits_for_what_runs(gate: Gate) -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        futures = fexec.map(pass_gate, [gate.path] * 3).map(str)
        gate.arrival()
        gate.open(3)
    assert all(f.success for f in futures)


def test_leaving_the_block_raises_nothing_for_a_failed_call() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        future = fexec.call_async(lambda x: 1 // x, 0)
    assert isinstance(future.exception(), ZeroDivisionError)


def test_leaving_the_block_makes_no_futures(gate: Gate) -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        futures = fexec.map(abs, range(100))
    assert futures.job is not None
    assert futures.get_result() == list(range(100))


def test_an_error_that_leaves_the_block_cancels_what_runs(gate: Gate) -> None:
    def leave() -> None:
        with FunctionExecutor(worker_processes=1) as fexec:
            futures.extend(fexec.map(pass_gate, [gate.path] * 2))
            futures.extend(fexec.map(abs, [1]).map(pass_gate, extra_args=None))
            stack.enter_context(ends(gate.arrival()))
            raise LookupError("mine")

    futures: list[Any] = []
    with contextlib.ExitStack() as stack, pytest.raises(LookupError, match="mine"):
        leave()
    for future in futures[:2]:
        with pytest.raises(CancelledError, match="the executor was closed before the call had ended"):
            future.result(timeout=DEADLINE_S)
    assert futures[2].ready


def test_closing_leaves_no_process_behind(gate: Gate) -> None:
    before = children()
    fexec = FunctionExecutor(worker_processes=2)
    futures = fexec.map(pass_gate, [gate.path] * 2)
    assert children() - before
    with ends(gate.arrival(), gate.arrival()):
        fexec.close()
    assert children() <= before
    assert all(f.cancelled() for f in futures)


def test_nothing_of_a_closed_executor_is_left_for_the_end_of_the_program() -> None:
    executor = lithops.FunctionExecutor()
    registered = weakref.ref(executor._at_exit)
    executor.close()
    del executor
    gc.collect()
    assert registered() is None


def test_closing_twice_is_harmless() -> None:
    fexec = FunctionExecutor(worker_processes=1)
    fexec.close()
    fexec.close()
    with fexec:
        pass


@pytest.mark.parametrize(
    "use",
    [
        lambda fexec: fexec.call_async(abs, 1),
        lambda fexec: fexec.map(abs, [1]),
        lambda fexec: fexec.map(abs, []),
        lambda fexec: fexec.map_reduce(abs, [1], sum),
    ],
    ids=["call_async", "map", "empty map", "map_reduce"],
)
def test_a_closed_executor_takes_no_jobs(use: Any) -> None:
    fexec = FunctionExecutor(worker_processes=1)
    fexec.close()
    with pytest.raises(ClosedError, match=f"executor {fexec.executor_id} was closed; make a new one"):
        use(fexec)


def test_results_outlive_their_executor() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        futures = fexec.map(abs, [-1, -2])
        printed = fexec.call_async(lambda x: sys.stdout.write(f"said {x}\n"), 1)
    assert fexec.wait(futures)[0] == futures
    assert fexec.get_result(futures) == [1, 2]
    assert lithops.get_result(futures) == [1, 2]
    assert printed.logs == "said 1\n"
    fexec.clean()
    assert printed.logs == "said 1\n"  # the tail, which came with the result


def test_a_chained_call_ends_with_its_executor_though_what_it_waits_for_goes_on(
    fexec: FunctionExecutor, gate: Gate
) -> None:
    upstream = fexec.map(pass_gate, [gate.path])
    chained = FunctionExecutor(worker_processes=1)
    future = chained.map(str, upstream)[0]
    chained.close()
    with pytest.raises(CancelledError, match="the executor was closed"):
        future.result(timeout=DEADLINE_S)
    gate.open()
    assert upstream[0].result(timeout=DEADLINE_S)


def test_submitting_while_somebody_closes_hangs_nobody() -> None:
    for _ in range(5):
        fexec = FunctionExecutor(worker_processes=1)
        started = threading.Event()
        outcomes: list[str] = []

        def submit(
            fexec: FunctionExecutor = fexec, started: threading.Event = started, outcomes: list[str] = outcomes
        ) -> None:
            try:
                while True:
                    future = fexec.call_async(abs, -1)
                    started.set()
                    with contextlib.suppress(CancelledError):
                        future.result(timeout=DEADLINE_S)
            except ClosedError:
                outcomes.append("closed")

        thread = threading.Thread(target=submit)
        thread.start()
        started.wait(DEADLINE_S)
        fexec.close()
        thread.join(DEADLINE_S)
        assert outcomes == ["closed"]


def closing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lithops-close"]


def test_an_executor_that_nobody_uses_any_more_ends_its_processes() -> None:
    before = children()
    fexec = FunctionExecutor(worker_processes=1)
    assert fexec.call_async(abs, -1).result() == 1
    assert children() - before
    del fexec
    gc.collect()
    for thread in closing_threads():
        thread.join(DEADLINE_S)
    assert children() <= before


def test_an_executor_that_nobody_uses_any_more_leaves_nothing_to_be_done_at_the_end() -> None:
    fexec = FunctionExecutor(worker_processes=1)
    at_exit = weakref.ref(fexec._at_exit)
    del fexec
    gc.collect()
    assert at_exit() is None
    for thread in closing_threads():
        thread.join(DEADLINE_S)


def test_a_future_keeps_the_executor_that_it_came_from_at_work(gate: Gate) -> None:
    future = FunctionExecutor(worker_processes=1).call_async(pass_gate, gate.path)
    gate.arrival()
    gc.collect()
    assert not closing_threads()
    gate.open()
    assert isinstance(future.result(timeout=DEADLINE_S), int)


def test_a_program_that_closes_nothing_ends_without_a_word(run_program: Program) -> None:
    done = run_program(
        "import lithops\n"
        "fexec = lithops.FunctionExecutor(worker_processes=1)\n"
        "print(fexec.call_async(abs, -1).result())\n"
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_forked_child_of_the_driver_may_not_use_the_executor(lone: FunctionExecutor) -> None:
    read, write = os.pipe()
    lone.call_async(abs, -1).result()
    pid = os.fork()
    if pid == 0:
        try:
            lone.call_async(abs, -1).result(timeout=5)
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    said = os.read(read, 4096)
    os.close(read)
    assert b"make a new one here" in said
    assert lone.call_async(abs, -1).result(timeout=DEADLINE_S) == 1


# --- cleaning


def test_clean_removes_the_cloud_objects_that_are_named(lone: FunctionExecutor) -> None:
    thing = lone.storage.put_cloudobject(b"data")
    lone.clean(cs=[thing])
    assert lone.storage.list_keys(lone.storage.bucket, thing.key) == []


def test_clean_accepts_the_options_of_old(lone: FunctionExecutor) -> None:
    future = lone.call_async(abs, -1)
    future.result()
    lone.clean(fs=future, clean_cloudobjects=False, clean_fn=True, force=True, on_exit=False)
    assert lone.call_async(abs, -1).result(timeout=DEADLINE_S) == 1


def test_plot_draws_what_ran(lone: FunctionExecutor, tmp_path: Path) -> None:
    lone.map(abs, range(5)).get_result()
    lone.plot(dst=str(tmp_path / "run"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run_histogram.png", "run_timeline.png"]
