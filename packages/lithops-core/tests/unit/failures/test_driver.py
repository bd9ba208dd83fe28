"""What happens to the driver, and what it does: signals, threads, forks, sudden death.

Over 400 lines: each test is a program of its own, and they share the ways of watching one die.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

import lithops
from lithops.errors import CancelledError, ClosedError, JobTimeoutError

from ..executors_and_gates import interrupt_while_in

Make = Callable[..., lithops.FunctionExecutor]
Until = Callable[..., Any]
Alive = Callable[[int], bool]


def double(x: int) -> int:
    return 2 * x


def slowly(seconds: float, value: Any = None) -> Any:
    """Take time; nobody waits for it but the driver that is looked at."""
    time.sleep(seconds)
    return value


def sleep_long(_x: int) -> None:
    time.sleep(1000)


# --- the end of the driver

BUSY_DRIVER = """
    import os, subprocess, sys, time
    import lithops

    fifo = sys.argv[0] + ".fifo"

    def work(x, fifo=fifo):
        with open(fifo, "w") as out:
            out.write(f"{{os.getpid()}}\\n")
        while True:
            pass

    if __name__ == "__main__":
        os.mkfifo(fifo)
        executor = lithops.FunctionExecutor(backend="localhost", worker_processes=2)
        futures = executor.map(work, range(4))
        descriptor = os.open(fifo, os.O_RDWR)
        pids = b""
        while pids.count(b"\\n") < 2:
            pids += os.read(descriptor, 100)
        {extra}
        print(pids.decode().replace("\\n", " "), flush=True)
        executor.get_result(futures)
"""


def family(driver: Any) -> list[int]:
    return [child.pid for child in psutil.Process(driver.process.pid).children(recursive=True)]


def test_ctrl_c_cancels_what_runs_and_leaves_no_process(
    drive: Callable[..., Any], until: Until, is_alive: Alive
) -> None:
    driver = drive(BUSY_DRIVER.format(extra=""))
    workers = [int(pid) for pid in driver.line().split()]
    everybody = family(driver)
    assert set(workers) <= set(everybody)
    time_of_signal = time.monotonic()
    driver.process.send_signal(signal.SIGINT)
    code, _, errors = driver.finish()
    assert code == -signal.SIGINT or code == 130 or code == 1
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - time_of_signal < 10
    until(lambda: not any(is_alive(pid) for pid in everybody))


def test_ctrl_c_at_a_terminal_reaches_the_driver_only(drive: Callable[..., Any], until: Until, is_alive: Alive) -> None:
    driver = drive(BUSY_DRIVER.format(extra=""))
    driver.line()
    everybody = family(driver)
    os.killpg(driver.process.pid, signal.SIGINT)  # as a terminal does: the whole foreground group
    _, _, errors = driver.finish()
    assert errors.count("KeyboardInterrupt") == 1
    until(lambda: not any(is_alive(pid) for pid in everybody))


@pytest.mark.parametrize(
    "child", ["", "subprocess.Popen(['sleep', '60'], close_fds=False)", "os.fork() or time.sleep(60)"]
)
def test_workers_of_a_killed_driver_end_within_two_seconds(
    drive: Callable[..., Any], until: Until, is_alive: Alive, child: str
) -> None:
    driver = drive(BUSY_DRIVER.format(extra=child))
    workers = [int(pid) for pid in driver.line().split()]
    driver.process.kill()
    until(lambda: not any(is_alive(pid) for pid in workers), within_s=2)


def test_a_driver_that_ends_without_closing_leaves_no_process(
    drive: Callable[..., Any], until: Until, is_alive: Alive
) -> None:
    driver = drive(
        """
        import os, time
        import lithops

        executor = lithops.FunctionExecutor(backend="localhost", worker_processes=2)
        print(executor.call_async(lambda x: os.getpid(), 0).result(), flush=True)
        executor.call_async(lambda x: time.sleep(1000), 0)
        """
    )
    worker = int(driver.line())
    code, _, errors = driver.finish()
    assert (code, errors) == (0, "")
    until(lambda: not is_alive(worker))


def test_an_error_in_the_block_cancels_what_runs(make: Make, until: Until) -> None:
    executor = make(1)
    with pytest.raises(ZeroDivisionError), executor:
        future = executor.call_async(sleep_long, 0)
        _ = 1 / 0
    assert isinstance(future.exception(timeout=5), CancelledError)


# --- signals while it waits


class Alarm(Exception):
    pass


def test_a_signal_handler_that_raises_ends_the_wait_and_nothing_else(
    one: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    def work(x: int) -> int:
        with (tmp_path / "runs").open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.3)
        return x

    def ring(_number: int, _frame: object) -> None:
        raise Alarm

    one.call_async(double, 1).result()
    future = one.call_async(work, 5)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0.1)  # from now on it may ring
            future.result()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert future.result() == 5
    assert len((tmp_path / "runs").read_text().splitlines()) == 1


def test_alarms_at_any_moment_lose_no_call(executor: lithops.FunctionExecutor) -> None:
    def ring(_number: int, _frame: object) -> None:
        raise Alarm

    executor.get_result(executor.map(double, range(300)))  # imports what it needs, which an alarm would leave half done
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(10):
            futures = executor.map(double, range(300))
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.004)  # from now on it may ring
                executor.wait(futures)
                while True:  # until it rings; not `pause`, before which it may have come
                    time.sleep(0)
            except Alarm:
                pass
            assert executor.get_result(futures, timeout=20) == list(range(0, 600, 2))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_signal_handler_that_returns_does_not_end_the_wait(one: lithops.FunctionExecutor) -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _frame: rang.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        assert one.call_async(lambda x: slowly(0.2, x), 5).result() == 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rang


def test_an_interrupt_is_raised_where_the_driver_waits_and_the_executor_lives_on(one: lithops.FunctionExecutor) -> None:
    future = one.call_async(sleep_long, 0)
    with pytest.raises(KeyboardInterrupt):
        interrupt_while_in("wait_for")
        one.get_result(future)
    assert future.cancelled()
    assert one.call_async(double, 2).result() == 4


@pytest.mark.parametrize("how", ["wait", "get_result", "as_completed"])
def test_an_interrupt_cancels_only_what_is_waited_for(one: lithops.FunctionExecutor, how: str) -> None:
    futures = one.map(lambda x: slowly(0.5, x), range(3))
    with pytest.raises(KeyboardInterrupt):
        interrupt_while_in("_as_completed" if how == "as_completed" else "wait_for")
        list(getattr(one, how)(future for future in futures[1:2]))
    assert [future.cancelled() for future in futures] == [False, True, False]
    assert [futures[0].result(), futures[2].result()] == [0, 2]


def test_an_interrupt_while_a_single_future_is_waited_for_cancels_nothing(one: lithops.FunctionExecutor) -> None:
    future = one.call_async(lambda x: slowly(2, x), 3)
    with pytest.raises(KeyboardInterrupt):
        interrupt_while_in("wait_for")
        future.result()
    assert future.result() == 3


# --- where it starts


@pytest.mark.parametrize("module", ["struct", "socket", "types", "enum", "signal", "selectors", "lithops"])
def test_modules_of_the_current_folder_are_not_taken_for_the_librarys(tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text("raise SystemExit('it was run')")
    (tmp_path / "programs").mkdir()
    program = tmp_path / "programs" / "program.py"
    program.write_text("import lithops\nprint(lithops.FunctionExecutor().call_async(abs, -1).result())\n")
    done = subprocess.run([sys.executable, program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


# --- threads


def test_threads_of_the_driver_share_an_executor(executor: lithops.FunctionExecutor) -> None:
    def job(k: int) -> list[int]:
        futures = executor.map(double, range(k, k + 20))
        return list(executor.get_result(futures, timeout=30))

    with ThreadPoolExecutor(50) as threads:
        results = list(threads.map(job, range(50)))
    assert results == [[2 * x for x in range(k, k + 20)] for k in range(50)]


def test_50_threads_that_submit_at_once_get_jobs_of_their_own(executor: lithops.FunctionExecutor) -> None:
    start = threading.Barrier(50)
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def submit(k: int) -> tuple[str, int]:
        start.wait()
        future = executor.call_async(double, k)
        return future.job_key, future.result(timeout=30)

    try:
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(submit, range(50)))
    finally:
        sys.setswitchinterval(old)
    assert [answer for _, answer in answers] == list(range(0, 100, 2))
    assert len({key for key, _ in answers}) == 50


def test_threads_that_submit_while_others_wait_lose_no_report(executor: lithops.FunctionExecutor) -> None:
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(k: int) -> None:
        for n in range(30):
            futures = executor.map(double, range(n + 1), chunksize=1)
            assert executor.get_result(futures, timeout=30) == list(range(0, 2 * n + 2, 2))

    try:
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(work, range(6)))
    finally:
        sys.setswitchinterval(old)


def test_many_threads_wait_for_one_future(one: lithops.FunctionExecutor) -> None:
    future = one.call_async(lambda x: slowly(0.1, x), 3)
    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(lambda _: future.result(timeout=30), range(20))) == [3] * 20


def test_a_thread_that_waits_learns_that_the_executor_was_closed(make: Make) -> None:
    for _ in range(5):
        executor = make(1)
        future = executor.call_async(sleep_long, 0)
        with ThreadPoolExecutor(3) as threads:
            waiting = [threads.submit(future.exception, 20) for _ in range(3)]
            with pytest.raises(JobTimeoutError):
                future.result(timeout=0.01)
            executor.close()
            assert all(isinstance(w.result(), CancelledError) for w in waiting)


def test_closing_in_a_callback_is_fine(make: Make) -> None:
    executor = make(1)
    closed = threading.Event()
    future = executor.call_async(double, 2)

    def close(_future: object) -> None:
        executor.close()
        closed.set()

    future.add_done_callback(close)
    assert future.result(timeout=20) == 4
    assert closed.wait(20)


def test_two_executors_at_once_keep_to_themselves(make: Make, until: Until, is_alive: Alive) -> None:
    first, second = make(2), make(2)
    a = first.map(lambda x: (os.getpid(), x), range(50))
    b = second.map(lambda x: (os.getpid(), -x), range(50))
    ours, theirs = first.get_result(a), second.get_result(b)
    assert [x for _, x in ours] == list(range(50))
    assert [x for _, x in theirs] == [-x for x in range(50)]
    assert not {pid for pid, _ in ours} & {pid for pid, _ in theirs}
    done, not_done = lithops.wait([*a, *b])
    assert (len(done), len(not_done)) == (100, 0)
    first.close()
    assert second.call_async(double, 2).result() == 4


def test_executors_that_come_and_go_leave_no_descriptors(make: Make) -> None:
    def once() -> int:
        with lithops.FunctionExecutor(backend="localhost", worker_processes=2) as executor:
            executor.get_result(executor.map(double, range(4)))
        gc.collect()
        return int(psutil.Process().num_fds())

    once()
    before = once()
    for _ in range(5):
        after = once()
    assert after <= before


def test_workers_that_come_and_go_leave_no_descriptors(one: lithops.FunctionExecutor) -> None:
    def once() -> int:
        one.call_async(lambda x: os._exit(1), 0).exception()
        one.call_async(double, 1).result()
        return int(psutil.Process().num_fds())

    for _ in range(3):
        before = once()
    for _ in range(10):
        after = once()
    assert after <= before + 1


# --- forks of the driver


def in_a_fork(action: Callable[[], str]) -> str:
    """Run `action` in a forked child and return what it returns; the child ends without any cleaning up."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it has threads, which is the point
        pid = os.fork()
    if pid == 0:
        try:
            said = action()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as source:
        said = source.read()
    os.waitpid(pid, 0)
    return said


OTHERS = "ClosedError: this executor belongs to the process this one was forked from; make a new one here"


def test_a_fork_of_the_driver_may_not_use_its_executor(executor: lithops.FunctionExecutor) -> None:
    future = executor.call_async(lambda x: slowly(0.3, x), 1)
    assert in_a_fork(lambda: str(future.result())) == OTHERS
    for action in (
        lambda: executor.call_async(double, 1),
        lambda: executor.map(double, [1]),
        future.cancel,
    ):
        assert in_a_fork(lambda action=action: str(action())) == OTHERS
    assert future.result() == 1


def test_a_fork_of_the_driver_may_close_its_executor_without_harm(executor: lithops.FunctionExecutor) -> None:
    def close() -> str:
        executor.close()
        return "closed"

    futures = executor.map(lambda x: slowly(0.01, x), range(20))
    assert in_a_fork(close) == "closed"
    assert executor.get_result(futures) == list(range(20))
    assert executor.call_async(double, 1).result() == 2


def test_a_fork_of_the_driver_may_make_an_executor_of_its_own(executor: lithops.FunctionExecutor) -> None:
    assert executor.call_async(double, 1).result() == 2

    def other() -> str:
        with lithops.FunctionExecutor(backend="localhost", worker_processes=1) as mine:
            return str(mine.get_result(mine.map(double, range(3))))

    assert in_a_fork(other) == "[0, 2, 4]"
    assert executor.call_async(double, 2).result() == 4


def test_results_that_are_there_can_be_read_in_a_fork(executor: lithops.FunctionExecutor) -> None:
    futures = executor.map(double, range(3))
    executor.wait(futures)
    assert in_a_fork(lambda: str([f.result() for f in futures])) == "[0, 2, 4]"


# --- futures in other processes


READER = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    futures = pickle.load(file)
for future in futures:
    error = future.exception(timeout=30)
    print(repr(error) if error else future.result(), flush=True)
"""


def read_elsewhere(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE, text=True)


def test_pickled_futures_carry_their_results_or_errors_to_another_process(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    futures = executor.map(lambda x: 1 // x, [1, 0])
    executor.wait(futures, throw_except=False)
    (tmp_path / "futures").write_bytes(pickle.dumps(list(futures)))
    executor.close()
    reader = read_elsewhere(tmp_path / "futures")
    out, _ = reader.communicate(timeout=30)
    assert out.splitlines() == ["1", "ZeroDivisionError('integer division or modulo by zero')"]


def test_a_pickled_future_that_is_pending_gets_its_result_in_another_process(
    executor: lithops.FunctionExecutor, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "go")

    def work(x: int, go: str = str(tmp_path / "go")) -> int:
        Path(go).read_text()
        return 2 * x

    future = executor.call_async(work, 21)
    (tmp_path / "futures").write_bytes(pickle.dumps([future]))
    reader = read_elsewhere(tmp_path / "futures")
    (tmp_path / "go").write_text("go")
    assert future.result(timeout=20) == 42
    out, _ = reader.communicate(timeout=30)
    assert out.splitlines() == ["42"]


def test_a_closed_executor_says_so(make: Make) -> None:
    executor = make(1)
    executor.close()
    with pytest.raises(ClosedError, match=f"^executor {executor.executor_id} was closed; make a new one$"):
        executor.call_async(double, 1)
