"""How long what is shared is kept, on both carriers."""

from __future__ import annotations

import gc
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.multiprocessing import Lock, Pool, Process, Queue, Value
from lithops.multiprocessing.carrier import Carrier
from lithops.multiprocessing.connection import wait

from .conftest import DEADLINE_S


@pytest.fixture
def is_kept(carrier: Any) -> Callable[[str], bool]:
    """Tell whether a lock or a value is kept."""

    def ask(key: str) -> bool:
        gc.collect()
        if hasattr(carrier.address, "memory"):
            return carrier.size(key) > 0 or (Path(carrier.address.memory) / key).exists()
        return carrier.size(key) > 0 or carrier.read(key, 0, 1) != b"\0"

    return ask


def key_of(shared: Any) -> str:
    return str(shared._use.key)


def run(target: Any, *arguments: object) -> None:
    process = Process(target=target, args=arguments)
    process.start()
    assert wait([process.sentinel], DEADLINE_S)
    process.join(DEADLINE_S)


@pytest.mark.parametrize("make", [Lock, lambda: Value("i", 1, lock=False)])
def test_what_a_process_was_given_is_removed_when_nobody_has_it_any_more(make: Any, is_kept: Any) -> None:
    shared = make()
    key = key_of(shared)
    run(repr, shared)
    assert is_kept(key)
    del shared
    assert not is_kept(key)


def keep(shared: Any, told: Queue) -> None:
    told.put(os.getpid())
    signal.pause()


@pytest.mark.parametrize("carrier", ["local"], indirect=True)
def test_use_of_a_killed_process_ends(is_kept: Any) -> None:
    lock, told = Lock(), Queue()
    key = key_of(lock)
    process = Process(target=keep, args=(lock, told))
    process.start()
    pid = told.get(timeout=DEADLINE_S)
    del lock
    assert is_kept(key)
    os.kill(pid, signal.SIGKILL)
    assert wait([process.sentinel], DEADLINE_S)
    process.join(DEADLINE_S)
    assert not is_kept(key)


def test_what_lies_in_a_queue_is_kept_until_it_was_taken_out_and_let_go(is_kept: Any) -> None:
    queue = Queue()
    queue.put(Lock())
    gc.collect()
    lock = queue.get(timeout=DEADLINE_S)
    key = key_of(lock)
    assert lock.acquire(False)
    lock.release()
    assert is_kept(key)
    del lock
    assert not is_kept(key)


def send_a_value(queue: Queue) -> None:
    queue.put(Value("i", 7))


def test_what_lies_in_a_queue_outlives_who_sent_it() -> None:
    queue = Queue()
    run(send_a_value, queue)
    assert queue.get(timeout=DEADLINE_S).value == 7


def test_what_a_pickle_of_ones_own_refers_to_is_kept() -> None:
    data = pickle.dumps(Lock())
    gc.collect()
    for _ in range(2):
        lock = pickle.loads(data)
        assert lock.acquire(False)
        lock.release()
        del lock


def use(shared: Any) -> int:
    return len(repr(shared))


def test_pool_keeps_what_it_was_given_as_long_as_it_needs_it(is_kept: Any) -> None:
    lock, other = Lock(), Lock()
    keys = key_of(lock), key_of(other)
    with Pool(2, use, (lock,)) as pool:
        assert pool.apply(use, (other,))
        del lock, other
        assert is_kept(keys[0])
    pool.join()
    assert not is_kept(keys[0])
    assert not is_kept(keys[1])


def test_forked_child_removes_nothing_of_its_parents(is_kept: Any) -> None:
    lock = Lock()
    key = key_of(lock)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            lock.acquire(False)
            lock.release()
            del lock
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_kept(key)


def test_part_of_an_array_keeps_the_whole() -> None:
    from lithops.multiprocessing import RawArray

    from .test_sharedctypes import Point

    point = RawArray(Point, [(1, 2.0), (3, 4.0)])[1]
    gc.collect()
    assert point.x == 3


@pytest.mark.parametrize("carrier", ["local"], indirect=True)
def test_nothing_is_noted_of_what_is_gone(carrier: Carrier) -> None:
    from lithops.multiprocessing.carrier import ME, READ, USE, WRITE
    from lithops.multiprocessing.local.store import Store

    removed: list[str] = []
    store = Store(removed.append)
    for number in range(3):
        store.open_end("a", f"list{number}", USE, "end", None, ME)
        store.open_end("b", f"pipe{number}", READ, "end", None, ME)
        store.open_end("b", f"pipe{number}", WRITE, "end", None, ME)
    store.enlist("b", "line", "place")
    store.close_end("list0", USE, "end")
    store.close_ends("a")
    store.close_ends("b")
    store.discard("line")
    assert (store._rows, store._owned, store._held) == ({}, {}, {})
    assert removed == ["list0", "list1", "list2"]
