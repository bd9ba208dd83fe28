"""Locks and semaphores, on both carriers."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from typing import Any

import pytest

from lithops.multiprocessing import BoundedSemaphore, Condition, Lock, Process, Queue, RLock, Semaphore

from .conftest import DEADLINE_S


def test_lock_is_had_by_one() -> None:
    lock = Lock()
    assert lock.acquire()
    assert not lock.acquire(False)
    assert not lock.acquire(timeout=0.01)
    assert not lock.acquire(True, -1)
    lock.release()
    assert lock.acquire(timeout=DEADLINE_S)


def test_lock_can_be_released_by_a_thread_that_has_it_not() -> None:
    lock = Lock()
    lock.acquire()
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join(DEADLINE_S)
    assert lock.acquire(False)


@pytest.mark.parametrize("kind", [Lock, BoundedSemaphore])
def test_release_too_many_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="released too many times"):
        kind().release()


def test_waiting_thread_gets_the_lock() -> None:
    lock, got = Lock(), threading.Event()

    def wait() -> None:
        with lock:
            got.set()

    lock.acquire()
    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.is_set()
    lock.release()
    assert got.wait(DEADLINE_S)
    thread.join(DEADLINE_S)


def test_recursive_lock_is_acquired_again_by_its_thread() -> None:
    lock = RLock()
    got: list[bool] = []
    assert lock.acquire()
    assert lock.acquire()
    for expected in (False, False, True):
        thread = threading.Thread(target=lambda: got.append(lock.acquire(False)))
        thread.start()
        thread.join(DEADLINE_S)
        assert got[-1] is expected
        if len(got) < 3:
            lock.release()


def test_recursive_lock_is_released_by_its_thread_only() -> None:
    with pytest.raises(AssertionError, match="not owned by thread"):
        RLock().release()


def test_semaphore_counts() -> None:
    semaphore = Semaphore(2)
    assert semaphore.get_value() == 2
    assert semaphore.acquire()
    assert semaphore.acquire(False)
    assert not semaphore.acquire(False)
    semaphore.release()
    semaphore.release()
    semaphore.release()
    assert semaphore.get_value() == 3


def test_semaphore_cannot_begin_below_zero() -> None:
    with pytest.raises(ValueError, match="begins with 0 to 2147483647 units, found -1"):
        Semaphore(-1)


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="begins with 0 to 2147483647 units, found 'many'"):
        Semaphore("many")
    with pytest.raises(TypeError, match="a timeout is a number of seconds or None, found 'long'"):
        Lock().acquire(timeout="long")
    with pytest.raises(TypeError, match="a condition needs a lock of lithops.multiprocessing, found 5"):
        Condition(5)


def test_forked_child_has_not_what_its_parent_acquired() -> None:
    lock = RLock()
    lock.acquire()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if not lock.acquire(False):
                lock.release()
        except AssertionError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    lock.release()
    assert lock.acquire(False)


def test_representations_tell_the_state() -> None:
    lock, recursive = Lock(), RLock()
    assert repr(lock) == "<Lock(owner=None)>"
    assert repr(recursive) == "<RLock(None, 0)>"
    with lock, recursive, recursive:
        assert repr(lock) == "<Lock(owner=MainProcess)>"
        assert repr(recursive) == "<RLock(MainProcess, 2)>"
        assert repr(pickle.loads(pickle.dumps(lock))) == "<Lock(owner=SomeOtherProcess)>"
    assert repr(Semaphore(3)) == "<Semaphore(value=3)>"
    assert repr(BoundedSemaphore(3)) == "<BoundedSemaphore(value=3, maxvalue=3)>"


def increment(lock: Any, path: str, times: int) -> None:
    for _ in range(times):
        with lock, open(path, "r+") as file:
            value = int(file.read())
            file.seek(0)
            file.write(str(value + 1))


@pytest.mark.parametrize("kind", [Lock, RLock, Semaphore])
def test_processes_exclude_each_other(kind: Any, tmp_path: Any) -> None:
    path = tmp_path / "number"
    path.write_text("0")
    workers = [Process(target=increment, args=(kind(), str(path), 20))]
    workers += [Process(target=increment, args=(workers[0]._args[0], str(path), 20)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(DEADLINE_S)
    assert path.read_text() == "60"


def hold(lock: Any, told: Queue) -> None:
    lock.acquire()
    told.put(os.getpid())
    signal.pause()


@pytest.mark.parametrize("kind", [Lock, RLock, Semaphore])
def test_killed_process_gives_back_what_it_had(kind: Any) -> None:
    lock, told = kind(), Queue()
    holder = Process(target=hold, args=(lock, told))
    holder.start()
    pid = told.get(timeout=DEADLINE_S)
    assert not lock.acquire(False)
    os.kill(pid, signal.SIGKILL)
    assert lock.acquire(timeout=DEADLINE_S)
    holder.join(DEADLINE_S)
    assert holder.exitcode == -signal.SIGKILL


def use_up(semaphore: Any) -> None:
    semaphore.acquire()


def test_process_that_ends_as_it_should_gives_nothing_back() -> None:
    semaphore = Semaphore(1)
    process = Process(target=use_up, args=(semaphore,))
    process.start()
    process.join(DEADLINE_S)
    assert process.exitcode == 0
    assert not semaphore.acquire(timeout=0.2)
