"""How items become calls: `call_async`, `map` and `map_reduce`."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lithops import FunctionExecutor


def inc(x: int) -> int:
    return x + 1


def describe(*args: Any, **keywords: Any) -> tuple[Any, ...]:
    return args, keywords


def pair(a: Any, b: Any = "none") -> tuple[Any, Any]:
    return a, b


class Scale:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def of(self, x: int) -> int:
        return self.factor * x

    def __call__(self, x: int) -> int:
        return self.factor * x


def test_a_tuple_gives_positional_arguments(lone: FunctionExecutor) -> None:
    assert lone.call_async(describe, (1, "b")).result() == ((1, "b"), {})


def test_a_dict_gives_keyword_arguments(lone: FunctionExecutor) -> None:
    assert lone.call_async(describe, {"a": 1, "b": 2}).result() == ((), {"a": 1, "b": 2})


@pytest.mark.parametrize("data", [7, "text", [1, 2], None, 2.5, b"bytes", {1, 2}], ids=repr)
def test_anything_else_is_the_single_argument(lone: FunctionExecutor, data: Any) -> None:
    assert lone.call_async(describe, data).result() == ((data,), {})


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (inc, 4),
        (lambda x: x * 10, 30),
        (Scale(4).of, 12),
        (Scale(5), 15),
        (functools.partial(pow, 2), 8),
        (abs, 3),
        (str, "3"),
    ],
    ids=["function", "lambda", "bound method", "object", "partial", "builtin", "class"],
)
def test_whatever_can_be_called_is_called(
    lone: FunctionExecutor, function: Callable[[int], Any], expected: Any
) -> None:
    assert lone.call_async(function, 3).result() == expected


def test_a_closure_brings_its_variables(lone: FunctionExecutor) -> None:
    offset = 40

    def shift(x: int) -> int:
        return x + offset

    assert lone.map(shift, [1, 2]).get_result() == [41, 42]


@pytest.mark.parametrize(
    "items",
    [[0, 1, 2], range(3), deque([0, 1, 2]), iter([0, 1, 2]), (x for x in range(3)), {0: "a", 1: "b", 2: "c"}.keys()],
    ids=["list", "range", "deque", "iterator", "generator", "keys"],
)
def test_map_makes_a_call_of_each_item_in_order(fexec: FunctionExecutor, items: Any) -> None:
    assert fexec.map(inc, items).get_result() == [1, 2, 3]


def test_a_set_is_mapped_over(fexec: FunctionExecutor) -> None:
    assert sorted(fexec.map(inc, {1, 2, 3}).get_result()) == [2, 3, 4]


@pytest.mark.parametrize("item", ["text", 5, (1, 2), {"a": 1}], ids=repr)
def test_what_holds_no_items_is_one_item(fexec: FunctionExecutor, item: Any) -> None:
    assert len(fexec.map(describe, item)) == 1


def test_items_of_a_map_may_be_of_all_shapes(fexec: FunctionExecutor) -> None:
    assert fexec.map(pair, [1, (2, 3), {"a": 4, "b": 5}, {"a": 6}]).get_result() == [
        (1, "none"),
        (2, 3),
        (4, 5),
        (6, "none"),
    ]


def test_extra_args_follow_the_item(fexec: FunctionExecutor) -> None:
    assert fexec.map(describe, [1, (2, 3)], extra_args=("x", "y")).get_result() == [
        ((1, "x", "y"), {}),
        ((2, 3, "x", "y"), {}),
    ]


def test_extra_args_by_name_are_merged(fexec: FunctionExecutor) -> None:
    assert fexec.map(pair, [{"a": 1}, {"a": 2, "b": 3}], extra_args={"b": 9}).get_result() == [(1, 9), (2, 3)]


def test_id_is_the_number_of_the_call(fexec: FunctionExecutor) -> None:
    def numbered(id: int, text: str) -> str:
        return f"{id}:{text}"

    assert fexec.map(numbered, ["a", "b", "c"]).get_result() == ["0:a", "1:b", "2:c"]


def test_storage_is_ready_for_use(fexec: FunctionExecutor) -> None:
    def put(key: str, storage: Any) -> str:
        storage.put_object(storage.bucket, key, b"from a worker")
        return type(storage).__name__

    assert fexec.map(put, ["one", "two"]).get_result() == ["Storage", "Storage"]
    assert fexec.storage.get_object(fexec.storage.bucket, "two") == b"from a worker"


def test_items_are_taken_from_a_generator_once(fexec: FunctionExecutor) -> None:
    taken: list[int] = []

    def items() -> Iterator[list[int]]:
        for number in range(3):
            taken.append(number)
            yield [number]

    assert fexec.map(sum, items()).get_result() == [0, 1, 2]
    assert taken == [0, 1, 2]


def test_a_generator_that_fails_leaves_no_job_behind(fexec: FunctionExecutor) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    before = len(fexec.futures)
    with pytest.raises(LookupError, match="no more"):
        fexec.map(inc, items())
    assert len(fexec.futures) == before


@pytest.mark.parametrize("items", [[], range(0), (), iter(())], ids=["list", "range", "tuple", "iterator"])
def test_a_map_of_nothing_is_an_empty_list(fexec: FunctionExecutor, items: Any) -> None:
    if items == ():
        items = list(items)  # a tuple is one item: no arguments
    futures = fexec.map(inc, items)
    assert futures == []
    assert not futures
    assert futures.get_result() == []
    assert futures.wait() == ([], [])


def test_job_ids_tell_the_kind_and_the_number_of_the_job() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        call = fexec.call_async(inc, 1)
        mapped = fexec.map(inc, [1, 2])
        reduced = fexec.map_reduce(inc, [1, 2], sum)
        last = fexec.map(inc, [1])
    assert call.job_id == "A000"
    assert call.call_id == "00000"
    assert [(f.job_id, f.call_id) for f in mapped] == [("M001", "00000"), ("M001", "00001")]
    assert [f.job_id for f in reduced] == ["M002", "M002", "R002"]
    assert last[0].job_key == f"{fexec.executor_id}-M003"
    assert fexec.total_jobs == 4


def test_map_reduce_hands_all_results_to_the_reducer_in_order(lone: FunctionExecutor) -> None:
    futures = lone.map_reduce(inc, range(4), list)
    assert lone.get_result() == [1, 2, 3, 4]
    assert [f.result() for f in futures] == [1, 2, 3, 4, [1, 2, 3, 4]]


def test_get_result_of_a_map_reduce_is_the_result_of_the_reducer(lone: FunctionExecutor) -> None:
    assert lone.get_result(lone.map_reduce(inc, range(3), sum)) == 6
    assert lone.map_reduce(inc, range(3), sum).get_result() == 6


def test_a_reducer_never_keeps_a_worker_from_mapping(lone: FunctionExecutor) -> None:
    for spawn_reducer in (0, 20, 100):
        assert lone.map_reduce(inc, range(50), sum, spawn_reducer=spawn_reducer).get_result(timeout=30) == 1275


def test_extra_args_reduce_follow_the_results(lone: FunctionExecutor) -> None:
    def join(results: list[int], separator: str) -> str:
        return separator.join(map(str, results))

    assert lone.map_reduce(inc, [1, 2], join, extra_args_reduce=("-",)).get_result() == "2-3"


def test_the_reducer_of_an_empty_map_gets_an_empty_list(lone: FunctionExecutor) -> None:
    assert lone.map_reduce(inc, [], list).get_result() == []
    assert lone.map_reduce(inc, [], sum).get_result() == 0


def test_results_of_none_reach_the_reducer(lone: FunctionExecutor) -> None:
    assert lone.map_reduce(lambda x: None, [1, 2], list).get_result() == [None, None]


def test_only_the_reducer_is_told_that_it_reduces(lone: FunctionExecutor) -> None:
    def told(_: Any) -> str | None:
        import os

        return os.environ.get("__LITHOPS_REDUCE_JOB")

    futures = lone.map_reduce(told, [1], told, extra_env={"OTHER": "1"})
    assert [f.result() for f in futures] == [None, "True"]


def test_a_failed_map_fails_its_reducer_with_the_same_error(lone: FunctionExecutor) -> None:
    def fragile(x: int) -> int:
        if x == 1:
            raise KeyError("one")
        return x

    futures = lone.map_reduce(fragile, range(3), sum)
    with pytest.raises(KeyError, match="one"):
        futures.get_result(timeout=30)
    assert futures[0].result() == 0
    assert isinstance(futures[-1].exception(), KeyError)


def test_a_reducer_that_fails_says_so(lone: FunctionExecutor) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        lone.map_reduce(str, [1, 2], sum).get_result()
