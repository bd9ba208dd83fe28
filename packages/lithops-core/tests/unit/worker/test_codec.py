"""How inputs and results are laid out: whatever goes in comes out, and one bad item spoils only itself."""

from __future__ import annotations

import io
import os
import pickle
import threading
from collections.abc import Callable
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.types import LogSlice, Payload
from lithops.worker import codec
from lithops.worker.codec import ItemEncoder, ItemReader, LoadFailure, Pickled
from lithops.worker.failure import Failure


def dump(file: io.BytesIO, catcher: Callable[[pickle.PickleBuffer], object]) -> pickle.Pickler:
    pickler: pickle.Pickler = cloudpickle.Pickler(file, protocol=5, buffer_callback=catcher)
    return pickler


def encoded(items: list[Any], known: dict[tuple[int, int], memoryview] | None = None) -> Payload:
    encoder = ItemEncoder(dump, known)
    for item in items:
        encoder.add(item)
    return encoder.finish()


def read(payload: Payload, stop: int, skip: tuple[int, ...] = ()) -> list[object]:
    reader = ItemReader(payload.body, payload.buffers)
    reader.read(stop, None, skip)
    return reader.items


class Grumpy:
    """Fails to be loaded, at the beginning, in the middle or at the end, having shared parts with others."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise ValueError("grumpy")


class Refuser:
    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ("because",)


def _refuse(why: str) -> None:
    raise SystemExit(why)


atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.frozensets(atoms, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(atoms, max_size=20))
def test_atoms_come_out_as_they_went_in(items: list[object]) -> None:
    reader = ItemReader(codec.encode_atoms(items).body, ())
    reader.read(1)
    assert reader.items == items


@given(st.lists(values, min_size=1, max_size=12), st.data())
def test_items_come_out_as_they_went_in_however_far_they_are_read_at_a_time(
    items: list[Any], data: st.DataObject
) -> None:
    payload = encoded(items)
    reader = ItemReader(payload.body, payload.buffers)
    done = 0
    while done < len(items):
        done += data.draw(st.integers(1, len(items) - done))
        reader.read(done)
        assert reader.items == items[:done]
    assert not reader.failed


@given(st.lists(values, min_size=1, max_size=12), st.data())
def test_bad_items_spoil_only_themselves(items: list[Any], data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, len(items) - 1)))
    kinds = data.draw(st.lists(st.integers(0, 3), min_size=len(items), max_size=len(items)))
    mixed = [spoil(item, kind) if k in bad else item for k, (item, kind) in enumerate(zip(items, kinds, strict=True))]
    for k, found in enumerate(read(encoded(mixed), len(mixed))):
        if k in bad:
            assert isinstance(found, LoadFailure)
        elif isinstance(found, LoadFailure):  # allowed only if it needs what a bad item did not finish
            assert "it shares a part with another item" in str(found.error)
        else:
            assert found == items[k]


def spoil(item: object, kind: int) -> object:
    return [Grumpy(item), [item, Grumpy()], {"a": Refuser(), "b": item}, (item, Refuser(), "after", ["after"])][kind]


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=2, max_size=8), st.data())
def test_shared_parts_come_out_right_or_not_at_all(shapes: list[list[int]], data: st.DataObject) -> None:
    parts = [[f"part {k}", k, {"k": k}] for k in range(6)]  # the same objects in several items
    bad = data.draw(st.sets(st.integers(0, len(shapes) - 1)))
    items: list[Any] = []
    for k, shape in enumerate(shapes):
        inside = [parts[n] for n in shape]
        items.append([*inside, Grumpy(*inside), *reversed(inside)] if k in bad else inside)
    for k, found in enumerate(read(encoded(items), len(items))):
        if k in bad:
            assert isinstance(found, LoadFailure)
        elif not isinstance(found, LoadFailure):
            assert found == items[k]
        else:
            assert any(set(shapes[k]) & set(shapes[other]) for other in bad if other < k)


@given(st.lists(values, min_size=2, max_size=8), st.data())
def test_items_that_are_not_to_be_tried_are_not(items: list[Any], data: st.DataObject) -> None:
    skip = data.draw(st.sets(st.integers(0, len(items) - 1), max_size=2))
    tried: list[int] = []
    payload = encoded(items)
    reader = ItemReader(payload.body, payload.buffers)
    reader.read(len(items), tried.append, skip)
    assert not skip & set(tried)
    for k, found in enumerate(reader.items):
        if k in skip:
            assert isinstance(found, LoadFailure)
            assert str(found.error) == "a worker process ended when it loaded the argument of this call"
        else:
            assert found == items[k] or isinstance(found, LoadFailure)


def test_a_class_that_travels_with_a_bad_item_is_there_for_the_good_ones() -> None:
    class Item:
        def __init__(self, good: bool) -> None:
            self.good = good

        def __setstate__(self, state: dict[str, Any]) -> None:
            if not state["good"]:
                raise ValueError("bad")
            self.__dict__.update(state)

    found = read(encoded([Item(False), Item(True), Item(False), Item(True)]), 4)
    assert [isinstance(x, LoadFailure) for x in found] == [True, False, True, False]
    assert type(found[1]) is type(found[3])


def test_an_object_that_was_not_finished_is_not_handed_to_others() -> None:
    unfinished: list[object] = ["begun"]
    unfinished.append(Grumpy())
    found = read(encoded([unfinished, [unfinished], "fine"]), 3)
    assert isinstance(found[1], LoadFailure)
    assert str(found[1].error) == "it shares a part with another item that cannot be loaded"
    assert found[2] == "fine"


def test_buffers_of_bad_items_are_passed_over() -> None:
    arrays = [np.full(codec.OUT_OF_BAND, k, dtype=np.uint8) for k in range(5)]
    items: list[Any] = [arrays[0], [arrays[1], Refuser(), arrays[2]], arrays[3], [Refuser()], arrays[4]]
    found: list[Any] = read(encoded(items), 5)
    assert [isinstance(x, LoadFailure) for x in found] == [False, True, False, True, False]
    assert (found[0][0], found[2][0], found[4][-1]) == (0, 3, 4)


def test_large_buffers_stay_out_of_the_pickle_and_small_ones_in_it() -> None:
    small, large = np.zeros(100, dtype=np.uint8), np.zeros(codec.OUT_OF_BAND, dtype=np.uint8)
    payload = encoded([small, large])
    assert [b.nbytes for b in payload.buffers] == [codec.OUT_OF_BAND]
    assert len(payload.body) < 2000


@pytest.mark.parametrize("order", ["C", "F"])
def test_one_buffer_in_several_bodies_is_one_object(order: Any) -> None:
    array = np.zeros((2, codec.OUT_OF_BAND), dtype=np.uint8, order=order)
    known: dict[tuple[int, int], memoryview] = {}
    first, second = encoded([array], known), encoded([[array]], known)
    assert first.buffers[0] is second.buffers[0]


def test_arrays_that_are_not_contiguous_travel_inside() -> None:
    array = np.arange(4 * codec.OUT_OF_BAND).reshape(2, -1)[:, ::2]
    (found,) = read(encoded([array]), 1)
    assert np.array_equal(found, array)  # type: ignore[arg-type]


def test_an_item_that_cannot_be_encoded_leaves_the_body_as_it_was() -> None:
    encoder = ItemEncoder(dump, None)
    encoder.add("before")
    size = encoder.size
    with pytest.raises(TypeError, match="cannot pickle"):
        encoder.add([np.zeros(codec.OUT_OF_BAND, dtype=np.uint8), os.sched_yield, threading.Lock()])
    assert (encoder.size, encoder.buffer_bytes) == (size, 0)
    payload = encoder.finish()
    assert read(payload, 1) == ["before"]


@given(st.lists(values, max_size=10))
def test_results_come_out_as_they_went_in(results: list[Any]) -> None:
    entries = [r if type(r) in codec.ATOMS else Pickled(pickle.dumps(r)) for r in results]
    decoded = codec.decode_results(codec.encode_results(entries))
    assert [e.load() if isinstance(e, Pickled) else e for e in decoded] == results


def test_results_find_their_own_buffers() -> None:
    entries: list[object] = []
    buffers: list[memoryview] = []
    for k in range(3):
        catcher = codec.BufferCatcher()
        file = io.BytesIO()
        dump(file, catcher).dump([np.full(codec.OUT_OF_BAND, k, dtype=np.uint8)] * (k + 1))
        entries.append(Pickled(file.getvalue(), len(buffers), len(buffers) + len(catcher.caught)))
        buffers += catcher.caught
    decoded = codec.decode_results(codec.encode_results(entries, buffers))
    for k, entry in enumerate(decoded):
        assert isinstance(entry, Pickled)
        loaded: Any = entry.load()
        assert [int(a[0]) for a in loaded] == [k] * (k + 1)


def test_a_failure_among_results_stays_one() -> None:
    failure = Failure(type_name="ValueError", message="m")
    assert codec.decode_results(codec.encode_results([1, failure])) == [1, failure]


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=5))
def test_columns_come_out_as_they_went_in(times: list[tuple[float, float]]) -> None:
    n = len(times)
    flat = [t for pair in times for t in pair]
    data = codec.encode_columns(flat, [0.5, 0.25] * n, [100, 1] * n)
    columns = [list(column) for column in codec.decode_columns(data, n)]
    assert columns == [flat[::2], flat[1::2], [0.5] * n, [0.25] * n, [100] * n, [1] * n]


def test_columns_of_another_length_are_refused() -> None:
    data = codec.encode_columns([1.0, 2.0], [0.5, 0.25], [100, 1])
    with pytest.raises(ValueError, match="^40 bytes are not the columns of 2 calls$"):
        codec.decode_columns(data, 2)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_report_reads_the_same_from_any_kind_of_memory(kind: type) -> None:
    columns = codec.encode_columns([1.0, 2.0, 3.0, 4.0], [0.5, 0.25, 0.125, 0.0], [7, 8, 9, 10])
    body, logs_size = codec.encode_report(b"\2\2", columns, ["a", "b"], [LogSlice(call=1, tail="said")])
    states, read, logs, results = codec.decode_report(kind(body), 2, logs_size)
    assert (states, logs, pickle.loads(results)) == (b"\2\2", [LogSlice(call=1, tail="said")], ["a", "b"])
    assert [list(column) for column in read] == [[1.0, 3.0], [2.0, 4.0], [0.5, 0.125], [0.25, 0.0], [7, 9], [8, 10]]
