"""Shared values and arrays, on both carriers."""

from __future__ import annotations

import ctypes
import pickle
from typing import Any

import numpy as np
import pytest

from lithops.multiprocessing import Array, Lock, Process, RawArray, RawValue, Value
from lithops.multiprocessing.sharedctypes import copy

from .conftest import DEADLINE_S


class Inner(ctypes.Structure):
    _fields_ = [("numbers", ctypes.c_short * 3)]


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double), ("inner", Inner)]


def run(target: Any, *arguments: object) -> None:
    process = Process(target=target, args=arguments)
    process.start()
    process.join(DEADLINE_S)
    assert process.exitcode == 0


@pytest.mark.parametrize(
    ("code", "first", "then"),
    [("i", 5, -7), ("d", 1.5, 2.5), ("h", -3, 9), ("c", b"x", b"y"), (ctypes.c_longlong, 2**40, 1), ("q", 0, 2**33)],
)
def test_value_is_changed_by_another_process(code: Any, first: Any, then: Any) -> None:
    value = Value(code, first)
    assert value.value == first
    run(setattr, value, "value", then)
    assert value.value == then


def add(value: Any, times: int) -> None:
    for _ in range(times):
        with value.get_lock():
            value.value += 1


def test_value_is_counted_up_under_its_lock() -> None:
    value = Value("i", 0)
    processes = [Process(target=add, args=(value, 25)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(DEADLINE_S)
    assert value.value == 75


def change_items(array: Any) -> None:
    array[0] = 10
    array[-1] += 5
    array[1:3] = [7, 8]


@pytest.mark.parametrize("make", [Array, RawArray])
def test_array_is_changed_by_another_process(make: Any) -> None:
    array = make("i", range(5))
    assert (len(array), array[:], list(array), array[1:4], array[::2]) == (
        5,
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
        [1, 2, 3],
        [0, 2, 4],
    )
    run(change_items, array)
    assert array[:] == [10, 7, 8, 3, 9]
    array[::2] = [1, 1, 1]
    assert array[:] == [1, 7, 1, 3, 1]
    with pytest.raises(IndexError, match="invalid index"):
        array[5]
    with pytest.raises(IndexError, match="invalid index"):
        array[-6] = 1


def test_array_begins_with_zeros_or_is_empty() -> None:
    assert Array("d", 3)[:] == [0.0, 0.0, 0.0]
    assert RawArray("i", 0)[:] == []


def test_array_of_characters_is_text() -> None:
    array = Array("c", b"hello\0rest")
    assert array.value == b"hello"
    assert array.raw == b"hello\0rest"
    array.value = b"bye"
    assert array.value == b"bye"
    array.raw = b"0123456789"
    assert array.raw == b"0123456789"


def change_fields(point: Any) -> None:
    point.x = 3
    point.inner.numbers[1] = 4


def test_fields_of_a_structure_are_shared() -> None:
    point = Value(Point, 1, 2.5)
    run(change_fields, point)
    assert (point.x, point.y, list(point.inner.numbers)) == (3, 2.5, [0, 4, 0])


def change_last(points: Any) -> None:
    change_fields(points[-1])


def test_array_of_structures_is_shared() -> None:
    points = Array(Point, 2)
    run(change_last, points)
    assert (points[0].x, points[1].x) == (0, 3)


def test_copy_is_another_object() -> None:
    one = RawValue(Point, 1, 2.0)
    other = copy(one)
    other.x = 9
    assert (one.x, other.x, other.y) == (1, 9, 2.0)


@pytest.mark.parametrize("carrier", ["local"], indirect=True)
def test_array_is_memory_for_numpy() -> None:
    array = Array("d", 4)
    view = np.frombuffer(array.get_obj())
    view += 2.5
    assert array[:] == [2.5] * 4
    assert pickle.loads(pickle.dumps(array))[:] == [2.5] * 4


@pytest.mark.parametrize("carrier", ["local"], indirect=True)
def test_view_keeps_its_memory_when_the_array_is_gone() -> None:
    view = np.frombuffer(RawArray("d", [1.0, 2.0]))
    assert view.sum() == 3.0


def test_lock_can_be_given_or_left_out() -> None:
    lock = Lock()
    assert Value("i", 1, lock=lock).get_lock() is lock
    assert not hasattr(Value("i", 1, lock=False), "get_lock")
    assert not hasattr(Array("i", 1, lock=False), "get_lock")
    with pytest.raises(AttributeError, match="5 has no method 'acquire'"):
        Value("i", 1, lock=5)


@pytest.mark.parametrize("kind", [ctypes.c_char_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)])
def test_what_holds_an_address_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="cannot be shared: it holds an address"):
        RawValue(kind)


@pytest.mark.needs("redis-server")
@pytest.mark.parametrize("carrier", ["redis"], indirect=True)
def test_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(AttributeError, match="'Point' has no field 'z'; it has x, y, inner"):
        RawValue(Point).z  # noqa: B018
    with pytest.raises(AttributeError, match="'Point' has no field 'z'"):
        RawValue(Point).z = 1
