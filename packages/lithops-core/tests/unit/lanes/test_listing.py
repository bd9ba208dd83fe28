"""What has come is found, with no request that cannot tell anything."""

from __future__ import annotations

import random

import pytest

from lithops.lanes import listing
from lithops.lanes.listing import arrived
from lithops.types import PutRequest

from .conftest import BUCKET, Counting

PREFIX = "x/reports/"


def key(number: int, token: str = "t") -> str:
    return f"{PREFIX}{token}/{number:010d}"


def put(store: Counting, *keys: str) -> None:
    for name in keys:
        store.put_object(PutRequest(bucket=BUCKET, key=name, body=b""))


def found(store: Counting, *awaited: str) -> list[str]:
    return arrived(store, BUCKET, PREFIX, sorted(awaited))


def test_nothing_is_asked_when_nothing_is_awaited(store: Counting) -> None:
    assert found(store) == []
    assert not store.asked


def test_a_bucket_that_nobody_has_written_to_holds_nothing(store: Counting) -> None:
    assert found(store, key(0)) == []


def test_only_what_is_awaited_is_returned(store: Counting) -> None:
    put(store, key(0), key(1), key(3), key(5), PREFIX + "junk", "x/other/0000000004")
    assert found(store, key(0), key(3), key(4)) == [key(0), key(3)]
    assert store.asked["list_objects"] == 1


def test_what_comes_before_the_first_awaited_is_not_read(store: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    put(store, *map(key, range(95)))
    assert found(store, key(90), key(99)) == [key(90)]
    assert store.asked["list_objects"] == 1


def test_pages_without_anything_awaited_are_left_out(store: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    put(store, *map(key, range(100)))
    assert found(store, key(3), key(77), key(78)) == [key(3), key(77), key(78)]
    assert store.asked["list_objects"] == 2


def test_keys_of_strangers_hide_nothing(store: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    put(store, key(1), key(2), *(f"{key(1)}-{n:04d}" for n in range(35)))
    assert found(store, key(0), key(2)) == [key(2)]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_there_and_awaited_is_found(store: Counting, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(listing, "PAGE", 7)
    dice = random.Random(seed)
    there = {key(n, dice.choice("ab")) for n in dice.sample(range(200), 80)}
    awaited = {key(n, dice.choice("ab")) for n in dice.sample(range(200), 60)} | set(dice.sample(sorted(there), 20))
    put(store, *there)
    assert found(store, *awaited) == sorted(there & awaited)
