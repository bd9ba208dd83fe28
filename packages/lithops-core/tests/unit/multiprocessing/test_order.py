"""What a step has done is seen by everybody, and what a dead process held comes back; on carriers as they are."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from lithops.errors import CarrierError
from lithops.multiprocessing import Queue
from lithops.multiprocessing.carrier import Carrier, new_key
from lithops.multiprocessing.local.store import Store, Waiter

from .conftest import DEADLINE_S, local_only, redis_only

Death = Callable[[Any], None]


@pytest.fixture
def other(carrier: Any) -> Any:
    """Another process's carrier, so to speak."""
    return type(carrier)(carrier.address)


@pytest.fixture
def dies(carrier: Any) -> Death:
    """Have a carrier end as if its process was killed."""

    def end(other: Any) -> None:
        for link in [*other._free, other._presence]:
            link.close()
        other._free.clear()
        if hasattr(other, "_heart"):
            other._heart.stop()
            fall_silent(other, carrier)
            carrier._beat()

    return end


def fall_silent(other: Any, carrier: Any) -> None:
    """Have a process not been heard of for too long, and its survivor look after it."""
    with carrier._link() as link:
        link.ask("ZADD", f"{carrier._prefix}live", 0, other._name)
    carrier._watches_from = 0


@local_only
def test_room_is_there_as_soon_as_the_item_was_handed_out(carrier: Any) -> None:
    queue = Queue(1)
    queue.put(1)
    with carrier._link() as link:
        link.ask("take", queue._key, 0, queue._room)  # and not a word of whether it has arrived
        assert not queue.full()
        link.tell("taken")


@local_only
def test_room_is_owed_for_an_item_that_came_back_when_it_is_taken_already(carrier: Carrier) -> None:
    answers: list[object] = []
    store = Store(answers.append)

    def give(item: bytes, held: str | None = None) -> None:
        store.give("giver", "items", item, None, held, True, None, False)

    give(b"first")
    store.take("items", Waiter(answers.append, "getter", "room"), wait=False)
    store.take("room", Waiter(answers.append, "giver"), wait=False)
    give(b"second", "room")
    store.give_back("getter")  # there are two items for one place now
    for taken, room in ((b"first", 0), (b"second", 1)):
        store.take("items", Waiter(answers.append, "getter", "room"), wait=False)
        assert (answers[-1], store.size("room")) == (taken, room)


@local_only
def test_item_that_came_back_is_the_first_and_the_room_is_taken_again(carrier: Any) -> None:
    queue = Queue(2)
    queue.put("first")
    with carrier._link() as link:
        link.ask("take", queue._key, 0, queue._room)
        link.close()
    assert carrier.watch(queue._key, DEADLINE_S)
    queue.put("second")
    assert queue.full()
    assert [queue.get(timeout=DEADLINE_S) for _ in range(2)] == ["first", "second"]
    assert carrier.size(queue._room) == 2


@redis_only
def test_room_is_there_before_the_item_is_returned(carrier: Any) -> None:
    queue = Queue(1)
    queue.put(1)
    queue.get(timeout=DEADLINE_S)
    assert [link._unread for link in carrier._free] == [0] * len(carrier._free)  # it was waited for


def test_only_ones_own_hold_ends_where_there_is_an_owner(carrier: Carrier, other: Carrier, dies: Death) -> None:
    room, items = new_key(), new_key()
    carrier.fill(room, 1)
    assert other.borrow(room, 0)
    carrier.give(items, held=room, owned=True)
    dies(other)
    assert carrier.take(room, DEADLINE_S) is not None


def test_anybodys_hold_ends_where_there_is_none(carrier: Carrier, other: Carrier, dies: Death) -> None:
    units = new_key()
    carrier.fill(units, 1)
    assert other.borrow(units, 0)
    carrier.give(units, held=units)
    dies(other)
    assert carrier.take(units, DEADLINE_S) is not None
    assert carrier.size(units) == 0


def test_item_on_its_way_to_who_dies_stays(carrier: Any, other: Any, dies: Death) -> None:
    items = new_key()
    carrier.give(items, b"1")
    other.size(items)
    with other._link() as link:
        if hasattr(other, "_move"):
            assert other._move(link, items, 0) == b"1"
        else:
            assert link.ask("take", items, 0, None) == b"1"
        link.close()
    dies(other)
    assert carrier.take(items, DEADLINE_S) == b"1"


@redis_only
def test_process_too_busy_to_say_anything_keeps_what_it_has(carrier: Any, other: Any) -> None:
    lock = new_key()
    carrier.fill(lock, 1)
    assert other.borrow(lock, 0)
    other._heart.stop()
    fall_silent(other, carrier)
    carrier._beat()
    assert carrier.size(lock) == 0
    other.give(lock, held=lock)  # and is no stranger
    assert carrier.size(lock) == 1
    other.close()


@redis_only
def test_forked_child_does_not_keep_its_parent_alive(carrier: Any, other: Any, dies: Death) -> None:
    lock = new_key()
    carrier.fill(lock, 1)
    assert other.borrow(lock, 0)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b".")
        signal.pause()
    os.read(reader, 1)
    dies(other)
    assert carrier.size(lock) == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)


@redis_only
def test_process_that_lost_its_connection_makes_a_new_one_in_time(carrier: Any, other: Any) -> None:
    other.size("x")
    other._presence.close()
    other._beat()
    fall_silent(other, carrier)
    carrier._beat()
    assert other.size("x") == 0
    other.close()


@redis_only
def test_process_that_was_given_up_is_told_so(carrier: Any, other: Any, dies: Death) -> None:
    other.size("x")
    dies(other)
    with pytest.raises(CarrierError, match="is lost to this process: .* had not heard of this process for too long"):
        other.size("x")


@redis_only
def test_nobody_is_given_up_by_who_has_just_come_back_itself(carrier: Any, other: Any) -> None:
    other.size("x")
    other._presence.close()
    other._heart.stop()
    fall_silent(other, carrier)
    carrier._presence.close()
    carrier._beat()
    assert other.size("x") == 0
    other.close()


@redis_only
def test_what_is_used_does_not_expire(carrier: Any) -> None:
    lock = new_key()
    carrier.fill(lock, 1)
    with carrier._link() as link:
        link.ask("PEXPIRE", carrier._list(lock), 50_000)
        link.ask("DEL", f"{carrier._prefix}turn")
        carrier._refreshes_from = 0
        carrier._beat()
        assert link.ask("PTTL", carrier._list(lock)) > 50_000


@redis_only
def test_nothing_is_kept_of_queues_that_are_gone(carrier: Any) -> None:
    def kept() -> int:
        with carrier._link() as link:
            return int(link.ask("SCARD", f"{carrier._prefix}all"))

    before = kept()
    for _ in range(10):
        queue = Queue(2)
        queue.put(1)
        queue.get()
        del queue
    assert kept() == before
