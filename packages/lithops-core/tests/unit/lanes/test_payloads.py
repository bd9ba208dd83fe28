"""What is put into the store comes back as it was, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from lithops import errors
from lithops.remote import payloads as module
from lithops.remote.payloads import PayloadStore, Stored
from lithops.types import Payload, PutRequest

from .conftest import BUCKET, Counting


@pytest.fixture
def payloads(store: Counting) -> PayloadStore:
    return PayloadStore(store, BUCKET)


def plain(payload: Payload) -> tuple[bytes, ...]:
    return (bytes(payload.body), *map(bytes, payload.buffers))


def test_payloads_come_back_with_their_buffers(payloads: PayloadStore, store: Counting) -> None:
    several = [
        Payload(body=b"one"),
        Payload(body=b"", buffers=()),
        Payload(body=b"two", buffers=(memoryview(b"large"), memoryview(b"larger"))),
    ]
    places = payloads.put("k", several)
    assert [plain(found) for found in payloads.get(places)] == [plain(payload) for payload in several]
    assert store.asked == {"put_object": 1, "get_object": 1}


def test_only_what_is_asked_for_is_read(payloads: PayloadStore, store: Counting) -> None:
    places = payloads.put("k", [Payload(body=bytes([n]) * 10) for n in range(10)])
    found = payloads.get([places[2], places[3], places[7]])
    assert [payload.body[0] for payload in found] == [2, 3, 7]
    assert store.asked["get_object"] == 2  # 2 and 3 lie side by side


@pytest.mark.parametrize("forged", [b"one!", b"on", b"two"])
def test_what_somebody_has_changed_is_not_believed(payloads: PayloadStore, store: Counting, forged: bytes) -> None:
    places = payloads.put("k", [Payload(body=b"one")])
    store.put_object(PutRequest(bucket=BUCKET, key="k", body=forged + b"two"[: 3 - len(forged)]))
    if forged.startswith(b"one"):
        assert payloads.get(places)[0].body == b"one"  # what comes after it was never ours
    else:
        with pytest.raises(errors.StorageError, match="object 'k' does not hold what was put there"):
            payloads.get(places)


def test_the_first_of_two_writers_stays(payloads: PayloadStore) -> None:
    assert payloads.write_once("k", b"first")
    assert not payloads.write_once("k", b"second")
    assert payloads.read("k") == b"first"


def test_a_store_that_is_away_is_waited_for(
    payloads: PayloadStore, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)
    store.away = 5
    (place,) = payloads.put("k", [Payload(body=b"x")])
    store.away = 5
    assert payloads.get([place])[0].body == b"x"


def test_but_not_for_ever_and_not_by_who_is_closing(
    payloads: PayloadStore, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)
    store.away = 10_000
    with pytest.raises(errors.StorageUnavailable):
        payloads.write("k", b"")
    monkeypatch.setattr(module, "PATIENCE_S", 1000.0)
    payloads.close()
    with pytest.raises(errors.StorageUnavailable):
        payloads.read("k")


def test_what_a_store_does_not_show_yet_is_waited_for(
    payloads: PayloadStore, store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.001)
    (place,) = payloads.put("k", [Payload(body=b"x")])
    store.hidden = 5
    assert payloads.get([place])[0].body == b"x"
    store.hidden = 1
    with pytest.raises(errors.ObjectNotFound):  # whether this was ever written nobody knows
        payloads.read("k")
    monkeypatch.setattr(module, "UNSEEN_S", 0.02)
    store.hidden = 10_000
    with pytest.raises(errors.ObjectNotFound):
        payloads.get([place])


def test_a_stored_array_can_be_written_to(payloads: PayloadStore) -> None:
    import pickle

    buffers: list[memoryview] = []
    data = pickle.dumps(np.arange(5), 5, buffer_callback=lambda buffer: buffers.append(buffer.raw()))
    (place,) = payloads.put("k", [Payload(body=data, buffers=tuple(buffers))])
    stored = pickle.loads(pickle.dumps(Stored(place, data)))
    with pytest.raises(errors.StorageError, match="a store that this process has not opened"):
        stored.load()
    stored.lies_in(payloads)
    array = stored.load()
    array += 1
    assert list(array) == [1, 2, 3, 4, 5]
    assert stored.nbytes == len(data) + 40
    assert data.startswith(stored.head)
