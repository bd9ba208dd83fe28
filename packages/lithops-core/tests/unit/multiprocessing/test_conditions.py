"""Conditions, events and barriers, on both carriers."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from lithops.multiprocessing import Barrier, Condition, Event, Lock, Process, Queue

from .conftest import DEADLINE_S


def in_threads(function: Any, count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=function) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_notified_are_as_many_as_were_asked_for() -> None:
    condition, waiting, woken = Condition(), Queue(), Queue()

    def wait() -> None:
        with condition:
            waiting.put(None)
            woken.put(condition.wait(DEADLINE_S))

    threads = in_threads(wait, 4)
    for _ in threads:
        waiting.get(timeout=DEADLINE_S)
    with condition:  # all of them have released it, so they wait
        condition.notify(3)
    assert [woken.get(timeout=DEADLINE_S) for _ in range(3)] == [True] * 3
    assert woken.empty()
    with condition:
        condition.notify_all()
    assert woken.get(timeout=DEADLINE_S)
    for thread in threads:
        thread.join(DEADLINE_S)


def test_wait_ends_at_its_timeout_and_has_the_lock_again() -> None:
    condition = Condition(Lock())
    with condition:
        assert condition.wait(0.01) is False
        assert not condition._lock.acquire(False)


def test_condition_must_be_acquired() -> None:
    condition = Condition()
    with pytest.raises(AssertionError, match=r"must acquire\(\) condition"):
        condition.wait()
    with pytest.raises(AssertionError, match="lock is not owned"):
        condition.notify()


def test_wait_for_returns_what_the_predicate_does() -> None:
    condition, state = Condition(), []

    def change() -> None:
        for value in range(3):
            with condition:
                state.append(value)
                condition.notify()

    with condition:
        (thread,) = in_threads(change, 1)
        assert condition.wait_for(lambda: len(state) == 3 and "all", DEADLINE_S) == "all"
        assert condition.wait_for(lambda: False, 0.01) is False
    thread.join(DEADLINE_S)


def sleep_until_notified(condition: Any, told: Queue) -> None:
    with condition:
        told.put(os.getpid())
        condition.wait()


def test_notification_goes_past_a_process_that_was_killed_waiting() -> None:
    condition, told = Condition(), Queue()
    process = Process(target=sleep_until_notified, args=(condition, told))
    process.start()
    pid = told.get(timeout=DEADLINE_S)
    with condition:
        os.kill(pid, signal.SIGKILL)
    process.join(DEADLINE_S)
    woken: list[bool] = []

    def wait() -> None:
        with condition:
            told.put(None)
            woken.append(condition.wait(DEADLINE_S))

    (thread,) = in_threads(wait, 1)
    told.get(timeout=DEADLINE_S)
    with condition:  # if the dead one still stands in line, it is notified, and passes it on
        condition.notify()
    thread.join(DEADLINE_S)
    assert woken == [True]


def test_notification_of_a_process_that_dies_before_it_hears_of_it_goes_to_the_next() -> None:
    condition, told = Condition(), Queue()
    woken: list[bool] = []

    def wait() -> None:
        with condition:
            told.put(None)
            woken.append(condition.wait(DEADLINE_S))

    process = Process(target=sleep_until_notified, args=(condition, told))
    process.start()
    pid = told.get(timeout=DEADLINE_S)
    (thread,) = in_threads(wait, 1)
    told.get(timeout=DEADLINE_S)
    with condition:  # both wait
        condition.notify()
        os.kill(pid, signal.SIGKILL)
        process.join(DEADLINE_S)
    thread.join(DEADLINE_S)
    assert woken == [True]


def test_threads_that_take_turns_lose_no_lock() -> None:
    condition, turns = Condition(), [0]

    def take_turns(mine: int) -> None:
        for _ in range(200):
            with condition:
                assert condition.wait_for(lambda: turns[0] % 2 == mine, DEADLINE_S)
                turns[0] += 1
                condition.notify()

    threads = [threading.Thread(target=take_turns, args=(mine,)) for mine in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert turns == [400]


def test_event_wakes_all_that_wait() -> None:
    event, woken = Event(), Queue()
    assert not event.is_set()
    assert event.wait(0.01) is False
    threads = in_threads(lambda: woken.put(event.wait(DEADLINE_S)), 3)
    event.set()
    event.set()
    assert [woken.get(timeout=DEADLINE_S) for _ in threads] == [True] * 3
    assert event.is_set()
    assert event.wait(0)
    assert "set" in repr(event)
    event.clear()
    assert not event.is_set()
    assert "unset" in repr(event)
    for thread in threads:
        thread.join(DEADLINE_S)


def set_it(event: Any) -> None:
    event.set()


def test_event_is_set_by_another_process() -> None:
    event = Event()
    process = Process(target=set_it, args=(event,))
    process.start()
    assert event.wait(DEADLINE_S)
    process.join(DEADLINE_S)


def meet(barrier: Any, told: Queue) -> None:
    for _ in range(2):
        told.put(barrier.wait())


def test_barrier_lets_processes_pass_together() -> None:
    barrier, told = Barrier(3, timeout=DEADLINE_S), Queue()
    processes = [Process(target=meet, args=(barrier, told)) for _ in range(2)]
    for process in processes:
        process.start()
    mine = [barrier.wait(), barrier.wait()]
    for process in processes:
        process.join(DEADLINE_S)
        assert process.exitcode == 0
    assert sorted(mine + [told.get(timeout=DEADLINE_S) for _ in range(4)]) == [0, 0, 1, 1, 2, 2]
    assert (barrier.parties, barrier.n_waiting, barrier.broken) == (3, 0, False)


def test_barrier_breaks_at_its_timeout() -> None:
    barrier = Barrier(2)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(0.01)
    assert barrier.broken
    assert "broken" in repr(barrier)
    barrier.reset()
    assert not barrier.broken
