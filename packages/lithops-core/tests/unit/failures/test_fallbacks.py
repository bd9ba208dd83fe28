"""What only Linux has is done without: each means is blocked, in the driver or in all processes of the tree."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lithops
from lithops.errors import MemoryLimitError, WorkerCrashedError
from lithops.pool import shared

Make = Callable[..., lithops.FunctionExecutor]
Until = Callable[..., Any]
Alive = Callable[[int], bool]


def double(x: int) -> int:
    return 2 * x


def slowly(x: int) -> int:
    time.sleep(0.005)
    return x


def fill(n: int) -> Any:
    return np.full(n, 7, dtype=np.uint8)


def total(array: Any) -> int:
    return int(array.sum())


@pytest.fixture
def everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what has every interpreter that is started from now on run some code first."""

    def run(code: str) -> None:
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        with (folder / "sitecustomize.py").open("a") as file:
            file.write(f"{code}\n")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))

    return run


def exercise(executor: lithops.FunctionExecutor) -> None:
    """Small and large inputs and results, shared buffers, output, a crash."""
    assert executor.get_result(executor.map(double, range(300))) == list(range(0, 600, 2))
    arrays = executor.get_result(executor.map(fill, [10, 500_000, 2_000_000]))
    assert [total(a) for a in arrays] == [70, 3_500_000, 14_000_000]
    arrays[1][0] = 1  # writable
    assert executor.get_result(executor.map(total, arrays)) == [70, 3_499_994, 14_000_000]
    big = fill(1_000_000)
    results = executor.get_result(executor.map(lambda x, a: x + total(a), range(8), extra_args=(big,)))
    assert results == [7_000_000 + x for x in range(8)]
    future = executor.call_async(lambda x: print("hello"), 0)
    future.result()
    assert future.logs == "hello\n"
    assert isinstance(executor.call_async(lambda x: os._exit(3), 0).exception(), WorkerCrashedError)
    assert executor.call_async(double, 4).result() == 8


def test_shared_memory_is_available_here() -> None:
    assert shared.available()


def test_without_memfd_in_the_driver(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert shared.available()
    exercise(make(2))


def test_without_memfd_anywhere(make: Make, monkeypatch: pytest.MonkeyPatch, everywhere: Callable[[str], None]) -> None:
    everywhere("import os\nif hasattr(os, 'memfd_create'): del os.memfd_create")
    monkeypatch.delattr(os, "memfd_create", raising=False)
    executor = make(2)
    assert executor.call_async(lambda x: hasattr(os, "memfd_create"), 0).result() is False
    exercise(executor)


NO_SHARED_MEMORY = """
import os, sys
if hasattr(os, 'memfd_create'): del os.memfd_create
sys.modules['_posixshmem'] = None
"""


def test_without_any_shared_memory_everything_travels_in_the_stream(
    make: Make, monkeypatch: pytest.MonkeyPatch, everywhere: Callable[[str], None]
) -> None:
    everywhere(NO_SHARED_MEMORY)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "_posixshmem", None)
    assert not shared.available()
    exercise(make(2))


def test_a_full_stream_blocks_nobody_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch, everywhere: Callable[[str], None]
) -> None:
    everywhere(NO_SHARED_MEMORY)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "_posixshmem", None)
    executor = make(1)
    futures = executor.map(lambda a: a, [fill(3_000_000) for _ in range(6)])  # both directions at the same time
    assert [total(a) for a in executor.get_result(futures, timeout=30)] == [21_000_000] * 6


def test_without_pidfd_workers_of_a_killed_driver_end_as_soon(
    drive: Callable[..., Any], until: Until, is_alive: Alive, everywhere: Callable[[str], None]
) -> None:
    everywhere("import os\nif hasattr(os, 'pidfd_open'): del os.pidfd_open")
    driver = drive(
        """
        import os, time
        import lithops

        executor = lithops.FunctionExecutor(backend="localhost", worker_processes=1)
        print(executor.call_async(lambda x: (hasattr(os, "pidfd_open"), os.getpid()), 0).result(), flush=True)
        if os.fork() == 0:  # holds all descriptors of the driver
            time.sleep(60)
        executor.call_async(lambda x: time.sleep(1000), 0).result()
        """,
        PYTHONWARNINGS="ignore",
    )
    has, worker = eval(driver.line())
    assert has is False
    os.kill(driver.process.pid, signal.SIGKILL)
    until(lambda: not is_alive(worker), within_s=2.5)


NO_MEMORY_LIMIT = "import resource\ndef refuse(*_): raise ValueError('not here')\nresource.setrlimit = refuse"


def test_where_memory_is_not_limited_a_call_that_took_too_much_fails_afterwards(
    make: Make, everywhere: Callable[[str], None]
) -> None:
    everywhere(NO_MEMORY_LIMIT)
    executor = make(1, runtime_memory=200)

    def take(megabytes: int) -> int:
        return len(bytearray(b"x" * (megabytes << 20)))

    results = executor.get_result(executor.map(take, [1, 500, 2]), throw_except=False)
    assert (results[0], results[2]) == (1 << 20, 2 << 20)  # the call after it has a worker with its memory back
    assert isinstance(results[1], MemoryLimitError)
    assert str(results[1]).startswith("call 1 took ")
    assert str(results[1]).endswith(" MB, more than runtime_memory=200 MB allows")


def test_a_host_that_can_start_no_more_processes_does_with_those_it_has(
    make: Make, everywhere: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    everywhere(
        "import os, errno\n_fork, _forks = os.fork, []\n"
        "def fork():\n"
        "    if _forks: raise OSError(errno.EAGAIN, 'no more')\n"
        "    _forks.append(1)\n"
        "    return _fork()\n"
        "os.fork = fork"
    )
    executor = make(4)
    assert executor.get_result(executor.map(slowly, range(20))) == list(range(20))
    assert (
        "fewer worker processes than asked for: cannot start another: Resource temporarily unavailable" in caplog.text
    )


def test_a_host_that_can_start_no_process_fails_the_calls(make: Make, everywhere: Callable[[str], None]) -> None:
    everywhere("import os, errno\ndef fork(): raise OSError(errno.EAGAIN, 'no more')\nos.fork = fork")
    executor = make(2)
    results = executor.get_result(executor.map(double, range(5)), throw_except=False)
    assert {str(error) for error in results} == {
        "the worker pool has failed: cannot start a worker process: Resource temporarily unavailable; make a new executor"
    }
    assert str(executor.call_async(double, 1).exception()) == str(results[0])


def test_workers_that_end_before_they_begin_fail_the_calls(make: Make, everywhere: Callable[[str], None]) -> None:
    everywhere(
        "import os\n_fork = os.fork\n"
        "def fork():\n    pid = _fork()\n    if pid == 0: os._exit(17)\n    return pid\n"
        "os.fork = fork"
    )
    error = make(1).call_async(double, 1).exception(timeout=30)
    assert "workers in a row have ended before they began; the last with exit code 17" in str(error)


def test_a_driver_out_of_descriptors_does_with_the_workers_it_has(drive: Callable[..., Any]) -> None:
    driver = drive(
        """
        import os, resource, time
        import lithops

        executor = lithops.FunctionExecutor(backend="localhost", worker_processes=4)
        executor.get_result(executor.map(lambda x: time.sleep(0.1), [0]))  # imports all that waiting needs
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        print(executor.get_result(executor.map(lambda x: time.sleep(0.002) or x, range(20))), flush=True)
        """
    )
    code, out, errors = driver.finish()
    assert (code, errors) == (0, "")
    assert out.splitlines()[0] == str(list(range(20)))
