"""Queues, on both carriers."""

from __future__ import annotations

import pickle
import threading
from queue import Empty, Full

import pytest

from lithops import FunctionExecutor
from lithops.multiprocessing import JoinableQueue, Process, Queue, SimpleQueue
from lithops.multiprocessing.carrier import Carrier

from .conftest import DEADLINE_S


class Thing:
    """A class of the program's own."""

    def __init__(self, value: int) -> None:
        self.value = value


def test_items_come_in_the_order_they_were_put() -> None:
    queue = Queue()
    for item in range(100):
        queue.put(item)
    assert [queue.get(timeout=DEADLINE_S) for _ in range(100)] == list(range(100))


@pytest.mark.parametrize("item", [None, b"", b"\0end", "text", [1, {"a": (2.5, None)}], b"x" * 5_000_000])
def test_item_arrives_as_it_was_put(item: object) -> None:
    queue = Queue()
    queue.put(item)
    assert queue.get(timeout=DEADLINE_S) == item


def test_objects_of_own_classes_and_functions_travel() -> None:
    queue = Queue()
    queue.put((Thing(3), lambda x: x + 1))
    thing, function = queue.get(timeout=DEADLINE_S)
    assert type(thing) is Thing
    assert thing.value == 3
    assert function(1) == 2


def test_what_cannot_be_pickled_is_refused_by_put() -> None:
    queue = Queue()
    with pytest.raises(TypeError, match="cannot pickle"):
        queue.put(threading.Lock())
    assert queue.empty()


def test_get_from_an_empty_queue_raises_empty() -> None:
    queue = Queue()
    for arguments in ({"block": False}, {"timeout": 0.01}, {"timeout": 0}, {"timeout": -1}):
        with pytest.raises(Empty):
            queue.get(**arguments)
    with pytest.raises(Empty):
        queue.get_nowait()


def test_put_into_a_full_queue_raises_full() -> None:
    queue = Queue(2)
    queue.put(1)
    assert not queue.full()
    queue.put(2)
    assert queue.full()
    for arguments in ({"block": False}, {"timeout": 0.01}):
        with pytest.raises(Full):
            queue.put(3, **arguments)
    with pytest.raises(Full):
        queue.put_nowait(3)
    assert (queue.get(), queue.get(), queue.empty()) == (1, 2, True)


def test_put_waits_for_room() -> None:
    queue = Queue(1)
    queue.put(1)
    thread = threading.Thread(target=queue.put, args=(2, True, DEADLINE_S))
    thread.start()
    assert queue.get(timeout=DEADLINE_S) == 1
    assert queue.get(timeout=DEADLINE_S) == 2
    thread.join(DEADLINE_S)
    assert not queue.full()


def test_get_waits_for_an_item() -> None:
    queue = Queue()
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(queue.get(timeout=DEADLINE_S)))
    thread.start()
    queue.put(7)
    thread.join(DEADLINE_S)
    assert found == [7]


def test_every_item_goes_to_one_of_many_readers() -> None:
    queue, found = Queue(), []

    def read() -> None:
        while (item := queue.get(timeout=DEADLINE_S)) is not None:
            found.append(item)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for item in range(200):
        queue.put(item)
    for _ in threads:
        queue.put(None)
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(found) == list(range(200))


def test_size_is_told() -> None:
    queue = Queue()
    assert (queue.qsize(), queue.empty()) == (0, True)
    queue.put(1)
    assert (queue.qsize(), queue.empty()) == (1, False)


def test_closed_queue_refuses() -> None:
    queue = Queue()
    queue.close()
    queue.join_thread()
    with pytest.raises(ValueError, match="is closed"):
        queue.put(1)
    with pytest.raises(ValueError, match="is closed"):
        queue.get()
    with pytest.raises(OSError, match="is closed"):
        queue.empty()


def test_copy_is_the_same_queue() -> None:
    queue = Queue(1)
    pickle.loads(pickle.dumps(queue)).put(5)
    assert queue.full()
    assert queue.get(timeout=DEADLINE_S) == 5


def test_join_waits_until_all_is_done() -> None:
    queue = JoinableQueue()
    queue.join()  # nothing to be done
    for item in range(3):
        queue.put(item)
    thread = threading.Thread(target=queue.join)
    thread.start()
    for _ in range(3):
        assert thread.is_alive()
        queue.get(timeout=DEADLINE_S)
        queue.task_done()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_too_many_done_are_refused() -> None:
    queue = JoinableQueue(3)
    queue.put(1)
    queue.task_done()
    with pytest.raises(ValueError, match=r"task_done\(\) called too many times"):
        queue.task_done()


def test_simple_queue_passes_items() -> None:
    with SimpleQueue() as queue:
        assert queue.empty()
        queue.put([1])
        assert not queue.empty()
        assert queue.get() == [1]
    for use in (queue.get, queue.empty, lambda: queue.put(1)):
        with pytest.raises(OSError, match="is closed"):
            use()


def square(given: Queue, results: Queue) -> None:
    while (item := given.get(timeout=DEADLINE_S)) is not None:
        results.put((item, item * item))


def test_queues_connect_processes() -> None:
    given, results = Queue(), Queue()
    workers = [Process(target=square, args=(given, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for item in [*range(30), None, None, None]:
        given.put(item)
    assert dict(results.get(timeout=DEADLINE_S) for _ in range(30)) == {x: x * x for x in range(30)}
    for worker in workers:
        worker.join(DEADLINE_S)
        assert worker.exitcode == 0


def test_queue_is_an_argument_of_ordinary_calls() -> None:
    given, results = Queue(), Queue()
    for item in [1, 2, 3, None]:
        given.put(item)
    with FunctionExecutor(worker_processes=1) as fexec:
        fexec.call_async(square, (given, results))
        fexec.get_result()
    assert [results.get(timeout=DEADLINE_S) for _ in range(3)] == [(1, 1), (2, 4), (3, 9)]


def test_what_is_kept_goes_with_the_queue(carrier: Carrier) -> None:
    queue = Queue()
    queue.put(1)
    key = queue._key
    del queue
    assert carrier.size(key) == 0
