"""What a function may do to the process it runs in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

import lithops
from lithops.errors import WorkerCrashedError

Make = Callable[..., lithops.FunctionExecutor]
Until = Callable[..., Any]
Alive = Callable[[int], bool]


def double(x: int) -> int:
    return 2 * x


def speak(x: object) -> object:
    print("said", x)
    return x


# --- exceptions that are none


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError("x")])
def test_an_exception_that_ends_programs_ends_its_call_only(
    one: lithops.FunctionExecutor, error: BaseException
) -> None:
    def fail(_x: int) -> NoReturn:
        raise error

    def pid(_x: int) -> int:
        return os.getpid()

    before = one.call_async(pid, 0).result()
    with pytest.raises(type(error)) as caught:
        one.call_async(fail, 0).result()
    assert caught.value.args == error.args
    assert one.call_async(pid, 0).result() == before


def test_sys_exit_of_one_call_leaves_the_others_their_results(executor: lithops.FunctionExecutor) -> None:
    results = executor.get_result(executor.map(lambda x: sys.exit(1) if x == 2 else x, range(5)), throw_except=False)
    assert isinstance(results[2], SystemExit)
    assert results[:2] + results[3:] == [0, 1, 3, 4]


def test_a_recursion_without_end_fails_its_call_alone(one: lithops.FunctionExecutor) -> None:
    def deeper(x: int) -> int:
        return deeper(x + 1)

    error = one.call_async(deeper, 0).exception()
    assert isinstance(error, RecursionError)
    assert one.call_async(double, 2).result() == 4


def test_an_alarm_that_a_call_left_behind_is_its_own_failure_or_none(one: lithops.FunctionExecutor) -> None:
    def alarmed(x: int) -> int:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        return x

    assert one.call_async(alarmed, 1).result() == 1
    assert one.get_result(one.map(double, range(5))) == [0, 2, 4, 6, 8]


# --- standard streams


def close_stdout(x: int) -> int:
    sys.stdout.close()
    return x


def close_descriptors(x: int) -> int:
    os.close(1)
    os.close(2)
    return x


def lose_streams(x: int) -> int:
    sys.stdout = sys.stderr = None
    return x


def put_odd_stream(x: int) -> int:
    class Odd:
        def flush(self) -> NoReturn:
            raise RuntimeError("never")

    sys.stdout = Odd()
    return x


@pytest.mark.parametrize("damage", [close_stdout, close_descriptors, lose_streams, put_odd_stream])
def test_a_call_that_closes_its_streams_does_not_take_those_of_the_next(
    one: lithops.FunctionExecutor, damage: Callable[[int], int]
) -> None:
    assert one.call_async(damage, 5).result() == 5
    future = one.call_async(speak, 6)
    assert future.result() == 6
    assert future.logs == "said 6\n"


def test_a_file_that_took_the_place_of_a_closed_stream_gets_nothing_of_later_calls(
    one: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def occupy(_x: int) -> int:
        os.close(1)
        return os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)

    assert one.call_async(occupy, 0).result() == 1
    future = one.call_async(speak, "after")
    future.result()
    assert future.logs == "said after\n"
    assert (tmp_path / "file").read_text() == ""


def test_a_call_that_closes_all_descriptors_is_a_crash_of_its_own(one: lithops.FunctionExecutor) -> None:
    error = one.call_async(lambda x: os.closerange(3, 1024), 0).exception(timeout=20)
    assert isinstance(error, WorkerCrashedError)
    assert one.call_async(double, 2).result() == 4


def test_a_call_that_leaves_files_open_until_there_are_no_more_harms_no_later_call(
    one: lithops.FunctionExecutor,
) -> None:
    def leak(_x: int) -> int:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        opened = 0
        try:
            while True:
                os.open("/dev/null", os.O_RDONLY)
                opened += 1
        except OSError:
            return opened

    assert one.call_async(leak, 0).result() > 10
    large = b"x" * 1_000_000
    assert one.call_async(len_of, large).result(timeout=20) == 1_000_000
    assert one.call_async(lambda x: b"y" * 1_000_000, 0).result(timeout=20) == b"y" * 1_000_000


def len_of(data: bytes) -> int:
    return len(data)


def test_50_megabytes_of_output_are_on_disk_and_their_end_is_in_the_report(one: lithops.FunctionExecutor) -> None:
    def shout(_x: int) -> str:
        line = "x" * 999 + "\n"
        for _ in range(50):
            sys.stdout.write(line * 1000)
        print("the end")
        return "done"

    future = one.call_async(shout, 0)
    assert future.result(timeout=30) == "done"
    log = future._job.table.logs[0]
    assert log.tail.endswith("x\nthe end\n")
    assert len(log.tail) <= 16 * 1024
    assert log.path is not None
    assert log.end - log.start == 50_000_008
    assert len(future.logs) == 50_000_008


def test_bytes_that_are_no_text_are_shown_as_well_as_can_be(one: lithops.FunctionExecutor) -> None:
    def noise(_x: int) -> None:
        os.write(1, b"\xff\xfe ok\n")
        sys.stdout.write("\udcff\n")

    future = one.call_async(noise, 0)
    future.result()
    assert future.logs == "\ufffd\ufffd ok\n\\udcff\n"


# --- processes and threads


def test_children_that_a_call_leaves_end_with_the_pool_and_disturb_nothing(
    one: lithops.FunctionExecutor, tmp_path: Path, until: Until, is_alive: Alive
) -> None:
    def abandon(_x: int) -> int:
        pid = os.fork()
        if pid == 0:
            time.sleep(1000)
        return pid

    children = one.get_result(one.map(abandon, range(5)))
    assert len(set(children)) == 5
    assert all(is_alive(child) for child in children)
    assert one.get_result(one.map(double, range(5))) == [0, 2, 4, 6, 8]
    one.close()
    until(lambda: not any(is_alive(child) for child in children))


def test_children_that_a_crashed_call_leaves_end_with_it(
    one: lithops.FunctionExecutor, tmp_path: Path, until: Until, is_alive: Alive
) -> None:
    def abandon_and_die(_x: int) -> None:
        pid = os.fork()
        if pid == 0:
            time.sleep(1000)
        (tmp_path / "child").write_text(str(pid))
        os._exit(1)

    assert isinstance(one.call_async(abandon_and_die, 0).exception(), WorkerCrashedError)
    child = int((tmp_path / "child").read_text())
    until(lambda: not is_alive(child))


def test_a_function_that_returns_in_a_forked_child_is_reported_once(
    one: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def fork(x: int) -> tuple[int, bool]:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        return x, os.getpid() == parent

    assert one.get_result(one.map(fork, range(20))) == [(x, True) for x in range(20)]


def test_a_function_that_raises_in_a_forked_child_is_reported_once(one: lithops.FunctionExecutor) -> None:
    def fork(x: int) -> int:
        pid = os.fork()
        if pid == 0:
            raise ValueError("in the child")
        os.waitpid(pid, 0)
        return x

    assert one.get_result(one.map(fork, range(5))) == list(range(5))


def test_multiprocessing_works_in_a_function(one: lithops.FunctionExecutor) -> None:
    def spread(x: int) -> list[int]:
        import multiprocessing

        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(abs, [-x, -2])

    assert one.call_async(spread, 1).result(timeout=30) == [1, 2]


def test_threads_work_in_a_function_and_those_left_behind_harm_nothing(one: lithops.FunctionExecutor) -> None:
    def leave_thread(x: int) -> int:
        threading.Thread(target=time.sleep, args=(1000,)).start()
        return x

    assert one.get_result(one.map(leave_thread, range(3))) == [0, 1, 2]
    assert one.call_async(double, 1).result() == 2


# --- environment


def env_of(name: str) -> str | None:
    return os.environ.get(name)


def test_extra_env_holds_for_its_job_and_is_gone_after_it(
    one: lithops.FunctionExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert one.call_async(env_of, "J_NEW").result() is None
    home = one.call_async(env_of, "HOME").result()
    assert one.get_result(one.map(env_of, ["J_NEW", "HOME"], extra_env={"J_NEW": "a", "HOME": "/nowhere"})) == [
        "a",
        "/nowhere",
    ]
    assert one.get_result(one.map(env_of, ["J_NEW", "HOME"], extra_env={"J_NEW": "b"})) == ["b", home]
    assert one.get_result(one.map(env_of, ["J_NEW", "HOME"])) == [None, home]


def test_jobs_with_different_environments_do_not_mix(executor: lithops.FunctionExecutor) -> None:
    jobs = [executor.map(env_of, ["J_NEW"] * 20, extra_env={"J_NEW": str(k)}) for k in range(5)]
    for k, futures in enumerate(jobs):
        assert executor.get_result(futures) == [str(k)] * 20


# --- executors and futures inside


def test_an_executor_inside_of_a_function_runs_calls_of_its_own(one: lithops.FunctionExecutor) -> None:
    def nested(x: int) -> tuple[int, ...]:
        with lithops.FunctionExecutor(backend="localhost", worker_processes=1) as inner:
            return tuple(inner.get_result(inner.map(lambda y: x * y, range(3))))

    assert one.get_result(one.map(nested, [1, 2])) == [(0, 1, 2), (0, 2, 4)]


def test_an_executor_that_a_killed_call_had_leaves_no_process(
    one: lithops.FunctionExecutor, tmp_path: Path, until: Until, is_alive: Alive
) -> None:
    def nested(_x: int) -> None:
        inner = lithops.FunctionExecutor(backend="localhost", worker_processes=1)
        (tmp_path / "part").write_text(str(inner.call_async(lambda y: os.getpid(), 0).result()))
        (tmp_path / "part").rename(tmp_path / "pid")
        inner.call_async(lambda y: time.sleep(1000), 0).result()

    future = one.call_async(nested, 0)
    until((tmp_path / "pid").exists)
    inner_pid = int((tmp_path / "pid").read_text())
    future.cancel()
    until(lambda: not is_alive(inner_pid))


def test_futures_that_a_function_returns_are_followed(one: lithops.FunctionExecutor) -> None:
    def nested(x: int) -> Any:
        inner = lithops.FunctionExecutor(backend="localhost", worker_processes=1)
        futures = inner.map(lambda y: 10 * x + y, range(2))
        inner.wait(futures)
        return futures

    assert one.get_result(one.map(nested, [1, 2])) == [[10, 11], [20, 21]]
