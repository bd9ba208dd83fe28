"""Pools of workers."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import MaybeEncodingError
from typing import Any

import pytest

from lithops.errors import CancelledError, ClosedError, WorkerLostError
from lithops.multiprocessing import Event, Pool, Queue, config
from lithops.multiprocessing.pool import ThreadPool

from .conftest import DEADLINE_S

pytestmark = pytest.mark.parametrize("carrier", ["local"], indirect=True)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool


def square(x: int) -> int:
    return x * x


def power(base: int, exponent: int = 2) -> int:
    return int(base**exponent)


def refuse_three(x: int) -> int:
    if x == 3:
        raise ValueError("three")
    return x


def test_apply_returns_the_result(pool: Pool) -> None:
    assert pool.apply(power, (2,), {"exponent": 3}) == 8


@pytest.mark.parametrize("chunksize", [None, 1, 7])
def test_map_keeps_the_order(pool: Pool, chunksize: int | None) -> None:
    assert pool.map(square, range(50), chunksize) == [x * x for x in range(50)]


def test_map_of_nothing_is_empty(pool: Pool) -> None:
    assert pool.map(square, []) == []
    assert list(pool.imap(square, [])) == []


def test_none_is_a_result(pool: Pool) -> None:
    assert pool.map(print, [], 1) == []
    assert pool.map(type(None).__init__, [None, None], 1) == [None, None]


def test_starmap_unpacks(pool: Pool) -> None:
    assert pool.starmap(power, [(2, 3), (3, 2)]) == [8, 9]
    assert pool.starmap_async(power, [(2, 3)]).get(DEADLINE_S) == [8]


def test_imap_yields_in_order_and_unordered_as_it_comes(pool: Pool) -> None:
    assert list(pool.imap(square, range(20))) == [x * x for x in range(20)]
    assert list(pool.imap(square, range(20), chunksize=6)) == [x * x for x in range(20)]
    assert sorted(pool.imap_unordered(square, range(20), chunksize=6)) == [x * x for x in range(20)]


def test_imap_does_not_wait_for_the_end_of_its_input(pool: Pool) -> None:
    more = threading.Semaphore(1)

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            assert more.acquire(timeout=DEADLINE_S)
            if number == 3:
                return
            yield number

    found = []
    for result in pool.imap(square, numbers()):
        found.append(result)
        more.release()
    assert found == [0, 1, 4]


def test_imap_raises_what_its_input_raises(pool: Pool) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise KeyError("input")

    results = pool.imap(square, numbers())
    assert next(results) == 1
    with pytest.raises(KeyError, match="input"):
        next(results)


def test_error_of_a_task_is_raised(pool: Pool) -> None:
    with pytest.raises(ValueError, match="three"):
        pool.map(refuse_three, range(6))
    results = pool.imap(refuse_three, [2, 3, 4])
    assert next(results) == 2
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert next(results) == 4


def test_callbacks_are_called(pool: Pool) -> None:
    told: list[Any] = []
    heard = threading.Semaphore(0)

    def tell(what: Any) -> None:
        told.append(what)
        heard.release()

    pool.apply_async(square, (3,), callback=tell)
    assert heard.acquire(timeout=DEADLINE_S)
    pool.map_async(refuse_three, [3], error_callback=tell)
    assert heard.acquire(timeout=DEADLINE_S)
    assert told[0] == 9
    assert str(told[1]) == "three"


def test_result_tells_how_it_is(pool: Pool) -> None:
    gate = Event()
    result = pool.apply_async(gate.wait, (DEADLINE_S,))
    assert not result.ready()
    with pytest.raises(PoolTimeoutError):
        result.get(0.01)
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    gate.set()
    result.wait(DEADLINE_S)
    assert result.successful()
    assert result.get() is True


def remember(value: int) -> None:
    global remembered
    remembered = value


def recall(_: object) -> tuple[int, int]:
    return os.getpid(), remembered  # type: ignore[name-defined]


def test_tasks_read_what_the_initializer_set() -> None:
    with Pool(2, remember, (42,)) as pool:
        assert {value for _, value in pool.map(recall, range(10), 1)} == {42}


def note(told: Queue) -> None:
    told.put(os.getpid())


def test_each_worker_is_initialized_once_at_the_beginning() -> None:
    told = Queue()
    with Pool(3, note, (told,)):
        pids = {told.get(timeout=DEADLINE_S) for _ in range(3)}
    assert len(pids) == 3
    assert told.empty()


def test_worker_makes_room_after_its_last_task() -> None:
    with Pool(1, remember, (1,), maxtasksperchild=3) as pool:
        pids = [pid for pid, _ in pool.map(recall, range(7), 1)]
    assert [len(list(group)) for _, group in itertools.groupby(pids)] == [3, 3, 1]


def test_closed_pool_does_what_it_has_and_takes_no_more() -> None:
    pool = Pool(2)
    result = pool.map_async(square, range(100), 1)
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    pool.close()
    with pytest.raises(ValueError, match="Pool not running"):
        pool.apply(square, (1,))
    pool.join()
    assert result.get(0) == [x * x for x in range(100)]


def wait_long(begun: Event) -> None:
    begun.set()
    signal.pause()


def test_terminated_pool_ends_what_runs() -> None:
    begun = Event()
    pool = Pool(1)
    result = pool.apply_async(wait_long, (begun,))
    assert begun.wait(DEADLINE_S)
    pool.terminate()
    pool.terminate()
    pool.join()
    with pytest.raises(CancelledError):
        result.get(DEADLINE_S)


def test_terminated_pool_reads_no_more_of_an_endless_input() -> None:
    pool = Pool(1)
    results = pool.imap(square, itertools.count())
    assert next(results) == 0
    pool.terminate()
    pool.join()
    with pytest.raises((CancelledError, ClosedError, StopIteration)):
        while True:
            next(results)


def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_task_that_loses_its_worker_fails_and_the_pool_goes_on(pool: Pool) -> None:
    with pytest.raises(WorkerLostError):
        pool.apply(kill_self)
    assert pool.apply(square, (4,)) == 16


def test_only_the_task_that_cannot_be_pickled_fails(pool: Pool) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pool.apply(square, (threading.Lock(),))
    results = pool.imap(type, [1, threading.Lock(), "a"])
    assert next(results) is int
    with pytest.raises(TypeError, match="cannot pickle"):
        next(results)
    assert next(results) is str


def make_lock() -> object:
    return threading.Lock()


def test_result_that_cannot_be_pickled_is_said(pool: Pool) -> None:
    with pytest.raises(MaybeEncodingError) as raised:
        pool.apply(make_lock)
    assert str(raised.value).startswith("Error sending result: 'the result of task 0'. Reason: 'ResultPickleError(")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"processes": 0}, ValueError, "a pool has a whole number of processes, at least 1, found 0"),
        ({"processes": "a"}, ValueError, "a pool has a whole number of processes, at least 1, found 'a'"),
        (
            {"processes": 1, "maxtasksperchild": 0},
            ValueError,
            "maxtasksperchild must be a whole number above 0 or None",
        ),
        ({"processes": 1, "initializer": 5}, TypeError, "the initializer must be callable, found 5"),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Pool(**arguments)


def test_pool_of_threads_is_the_standard_librarys() -> None:
    with ThreadPool(2) as pool:
        assert pool.map(square, range(3)) == [0, 1, 4]


def fail_in_the_first(turn: Queue) -> None:
    if turn.get(timeout=DEADLINE_S) == 0:
        raise ValueError("no such model")


def die_in_the_first(turn: Queue) -> None:
    if turn.get(timeout=DEADLINE_S) == 0:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("initializer", "said"), [(fail_in_the_first, "ValueError: no such model"), (die_in_the_first, "WorkerLostError")]
)
def test_worker_that_cannot_be_initialized_is_said_and_holds_up_nobody(
    initializer: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    turn = Queue()
    for number in range(3):
        turn.put(number)
    pool = Pool(3, initializer, (turn,))
    pool.close()
    joining = threading.Thread(target=pool.join, daemon=True)
    joining.start()
    joining.join(DEADLINE_S)
    assert not joining.is_alive()
    err = capsys.readouterr().err
    assert err.count("A worker of a pool could not be initialized:") == 1
    assert said in err


def note_mood(told: Queue) -> None:
    told.put(os.environ.get("MOOD"))


def test_workers_have_the_environment_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Queue()
    monkeypatch.setitem(config._values, config.ENV_VARS, {"MOOD": "fine"})
    with Pool(2, note_mood, (told,)) as pool:
        assert [told.get(timeout=DEADLINE_S) for _ in range(2)] == ["fine", "fine"]
        assert pool.map(os.getenv, ["MOOD"] * 2, 1) == ["fine", "fine"]
