"""What is submitted is held against the function's signature before anything is sent.

Over 400 lines: one module of cases, as the rules of binding are one table.
"""

from __future__ import annotations

import functools
import math
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from lithops.errors import BadCallError
from lithops.jobs.binding import Binder, as_items
from lithops.worker.plan import CallPlan


def one(x: int) -> int:
    return x


def two(a: int, b: int) -> int:
    return a + b


def defaults(a: int, b: int = 2, *, c: int = 3) -> int:
    return a + b + c


def anything(*args: object, **kwargs: object) -> object:
    return args, kwargs


def keyword_only(*, name: str) -> str:
    return name


def positional_only(a: int, /, **rest: object) -> int:
    return a


class Adder:
    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, x: int) -> int:
        return self.n + x

    def add(self, x: int) -> int:
        return self.n + x

    @staticmethod
    def double(x: int) -> int:
        return 2 * x

    @classmethod
    def make(cls, n: int) -> Adder:
        return cls(n)

    def variadic(*args: Any) -> int:
        return len(args)


class Pair(NamedTuple):
    p: int
    q: int


CALLABLES: list[Callable[..., object]] = [
    one,
    lambda x: x,
    Adder(1),
    Adder(1).add,
    Adder.double,
    Adder.make,
    Adder,
    Adder(1).variadic,
    functools.partial(two, 1),
    functools.partial(two, b=1),
    anything,
    math.sqrt,
    max,
    np.sin,
    defaults,
]


@pytest.mark.parametrize("function", CALLABLES, ids=lambda f: getattr(f, "__qualname__", type(f).__name__))
def test_every_kind_of_callable_takes_a_single_argument(function: Callable[..., object]) -> None:
    Binder(function).check(1)
    Binder(function).check_all([1, 2, 3])


@pytest.mark.parametrize(
    ("function", "item"),
    [
        (two, (1, 2)),
        (two, {"a": 1, "b": 2}),
        (two, OrderedDict(a=1, b=2)),
        (two, Pair(1, 2)),
        (one, [1, 2]),
        (defaults, (1,)),
        (defaults, {"a": 1, "c": 5}),
        (keyword_only, {"name": "x"}),
        (anything, ()),
        (anything, {"whatever": 1}),
        (positional_only, (1,)),
        (lambda: None, ()),
        (lambda: None, {}),
        (functools.partial(two, 1), {"b": 2}),
    ],
)
def test_items_that_fit_are_accepted(function: Callable[..., object], item: object) -> None:
    Binder(function).check(item)


def refused(function: object, item: object, extra: object = None, index: int | None = 3) -> str:
    with pytest.raises(BadCallError) as caught:
        Binder(function, extra).check(item, index)
    return str(caught.value)


def test_missing_argument_names_function_parameter_and_item() -> None:
    message = refused(two, 5)
    assert message == (
        "cannot call two(a, b) with item 3, 5: the argument 'b' is missing "
        "(a tuple gives positional arguments, a dict keyword arguments, anything else is the single argument)"
    )


def test_a_call_without_a_place_in_a_job_names_no_item() -> None:
    assert refused(two, 5, index=None).startswith("cannot call two(a, b) with 5: ")


def test_missing_keyword_argument_is_named() -> None:
    assert "the keyword argument 'name' is missing" in refused(keyword_only, {})


def test_too_many_positional_arguments_are_counted() -> None:
    assert "3 positional arguments are too many: it takes at most 2 positional" in refused(two, (1, 2, 3))
    assert "1 positional arguments are too many: it takes no positional" in refused(lambda: None, None)


def test_unexpected_keyword_names_the_nearest_parameter() -> None:
    def f(width: int, height: int = 1) -> None: ...

    message = refused(f, {"widht": 1})
    assert message.startswith("cannot call f(width, height=...) with item 3, {'widht': 1}: ")
    assert "it has no parameter 'widht' to be given by keyword; did you mean 'width'?" in message


def test_positional_only_parameter_cannot_be_given_by_keyword() -> None:
    def f(a: int, /) -> None: ...

    assert "it has no parameter 'a' to be given by keyword" in refused(f, {"a": 1})
    assert "f(a, /)" in refused(f, {"a": 1})


def test_positional_only_name_may_be_reused_in_further_keywords() -> None:
    Binder(positional_only, {"a": 2}).check(1)


def test_keys_of_a_dict_must_be_text() -> None:
    assert "the key 1 is no name of a parameter; keys must be text" in refused(one, {1: 2})


def test_bound_method_counts_without_self() -> None:
    assert refused(Adder(1).add, (1, 2)).startswith("cannot call Adder.add(x) with item 3, (1, 2): 2 positional")


def test_callable_object_partial_and_class_are_checked() -> None:
    assert refused(Adder(1), (1, 2)).startswith("cannot call Adder(x) with item 3, (1, 2): 2 positional")
    assert "the argument 'b' is missing" in refused(functools.partial(two, 1), ())
    assert refused(Adder, ()).startswith("cannot call Adder(n) with item 3, (): the argument 'n' is missing")


def test_signature_in_messages_shows_stars() -> None:
    def f(a: int, *args: int, k: int, **kwargs: int) -> None: ...

    assert "f(a, *args, k, **kwargs)" in refused(f, ())
    assert "keyword_only(*, name)" in refused(keyword_only, ())


def test_long_items_are_shown_in_short() -> None:
    assert len(refused(two, ["x" * 1000] * 1000)) < 500


@pytest.mark.parametrize("thing", [5, "one", None, [one]])
def test_non_callable_says_what_it_is(thing: object) -> None:
    with pytest.raises(
        BadCallError, match=r"cannot call .* of type '(int|str|NoneType|list)'; pass the function itself"
    ):
        Binder(thing)


def test_extra_tuple_is_appended_to_each_item() -> None:
    Binder(two, (2,)).check(1)
    Binder(two, (2,)).check((1,))
    Binder(two, (1, 2)).check(())
    assert "3 positional arguments are too many" in refused(two, (1, 2), extra=(3,))


def test_extra_dict_gives_keywords_and_a_dict_item_may_override_them() -> None:
    Binder(two, {"b": 2}).check(1)
    Binder(two, {"b": 2}).check({"a": 1})
    Binder(two, {"b": 2}).check({"a": 1, "b": 3})
    assert "the argument 'a' is given by position and by keyword" in refused(two, 1, extra={"a": 1})


def test_extra_tuple_with_dict_items_is_refused() -> None:
    assert "extra_args are a tuple but the item is a dict; give both as dicts" in refused(two, {"a": 1}, extra=(2,))


def test_extra_args_of_another_type_are_refused() -> None:
    with pytest.raises(BadCallError, match=re.escape("extra_args must be a tuple or a dict, found [2] of type 'list'")):
        Binder(two, [2])


def test_index_of_the_first_item_that_does_not_fit_is_told() -> None:
    with pytest.raises(BadCallError, match=re.escape("with item 2, 7: the argument 'b' is missing")):
        Binder(two).check_all([(1, 2), (3, 4), 7, 8])
    with pytest.raises(BadCallError, match=re.escape("with item 1, (1, 2, 3)")):
        Binder(two).check_all([(1, 2), (1, 2, 3)])
    with pytest.raises(BadCallError, match=re.escape("with item 1, {'a': 1}: the argument 'b' is missing")):
        Binder(two).check_all([{"a": 1, "b": 2}, {"a": 1}])


def test_items_are_counted_on_from_group_to_group() -> None:
    binder = Binder(two)
    binder.check_all([(1, 2), (3, 4)])
    with pytest.raises(BadCallError, match=re.escape("with item 3, 7: the argument 'b' is missing")):
        binder.check_all([(5, 6), 7])


def test_no_items_are_no_error() -> None:
    Binder(two).check_all([])


def test_ten_thousand_plain_items_are_checked_within_a_millisecond() -> None:
    items: list[object] = list(range(10_000))

    def once() -> float:
        binder = Binder(one)
        start = time.perf_counter()
        binder.check_all(items)
        return time.perf_counter() - start

    assert min(once() for _ in range(10)) < 0.001


def filled(function: object, item: object, extra: object = None) -> tuple[set[str], tuple[tuple[str, int], ...]]:
    binder = Binder(function, extra)
    binder.check(item)
    return set(binder.reserved), binder.placement


def id_first(id: int, x: int) -> tuple[int, int]:
    return id, x


def id_last(x: int, y: int = 0, id: int | None = None) -> object:
    return x, y, id


def id_by_keyword(x: int, *, storage: object, id: int) -> object:
    return x, storage, id


def test_reserved_parameters_are_filled_wherever_they_stand() -> None:
    assert filled(one, 1) == (set(), ())
    assert filled(id_first, 5) == ({"id"}, (("id", 0),))
    assert filled(id_last, 5) == ({"id"}, (("id", 2),))
    assert filled(id_by_keyword, 5)[0] == {"id", "storage"}
    assert dict(filled(id_by_keyword, 5)[1]) == {"id": -1, "storage": -1}


def test_reserved_parameter_given_by_the_item_is_not_filled() -> None:
    assert filled(id_first, (9, 5)) == (set(), ())
    assert filled(id_first, {"id": 9, "x": 5}) == (set(), ())
    assert filled(id_first, {"x": 5}, {"id": 1}) == (set(), ())
    assert filled(functools.partial(id_last, id=4), 1) == (set(), ())


def test_the_only_parameter_takes_the_item_whatever_its_name() -> None:
    def fetch(id: int) -> int:
        return id

    assert filled(fetch, 5) == (set(), ())
    assert filled(fetch, ()) == ({"id"}, (("id", 0),))


def test_positional_only_id_is_an_ordinary_parameter() -> None:
    def f(id: int, /) -> int:
        return id

    assert filled(f, 5) == (set(), ())
    assert "the argument 'id' is missing" in refused(f, ())


def test_reserved_parameter_behind_a_decorator_is_filled() -> None:
    def log(function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def wrapper(*args: object, **kwargs: object) -> object:
            return function(*args, **kwargs)

        return wrapper

    assert filled(log(id_first), 5) == ({"id"}, (("id", 0),))
    assert filled(log(id_by_keyword), 5)[0] == {"id", "storage"}
    assert filled(log(two), 5) == (set(), ())


def test_decorator_that_gives_arguments_itself_is_believed() -> None:
    def with_b(function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def wrapper(a: int) -> object:
            return function(a, 2)

        return wrapper

    Binder(with_b(two)).check(1)


def test_items_that_disagree_on_a_reserved_parameter_are_refused() -> None:
    binder = Binder(id_last)
    with pytest.raises(BadCallError, match="item 1 gives 'id' and item 0 leaves it to be filled; do the same in all"):
        binder.check_all([{"x": 1}, {"x": 1, "id": 7}])


def behind_a_wrapper(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    ("function", "item", "extra", "expected"),
    [
        (id_first, 5, None, (7, 5)),
        (id_first, (9, 5), None, (9, 5)),
        (id_first, {"x": 5}, None, (7, 5)),
        (id_last, 5, None, (5, 0, 7)),
        (id_last, (1, 2), None, (1, 2, 7)),
        (id_last, 1, {"y": 4}, (1, 4, 7)),
        (id_by_keyword, 5, None, (5, "store", 7)),
        (lambda storage, x, id, y: (storage, x, id, y), 1, (2,), ("store", 1, 7, 2)),
        (lambda storage, x, id, y: (storage, x, id, y), {"x": 1}, {"y": 3}, ("store", 1, 7, 3)),
        (lambda id, *args: (id, args), (1, 2), None, (7, (1, 2))),
        (behind_a_wrapper(id_first), 5, None, (7, 5)),
    ],
)
def test_worker_fills_what_the_binder_says(
    function: Callable[..., object], item: object, extra: Any, expected: object
) -> None:
    binder = Binder(function, extra)
    binder.check(item)
    plan = CallPlan(function, extra_args=extra, placement=binder.placement, storage="store")
    assert plan.caller()(item, 7) == expected


SIGNATURES = ["", "a", "a, b", "a, b=0", "a, /, b", "a, *, k", "a, *, k=0", "*args", "a, *args", "**kw", "a, **kw"]
ITEMS: list[object] = [5, (), (1,), (1, 2), (1, 2, 3), {}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "k": 2}, {"z": 1}]


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("extra", [None, (1,), {"b": 1}, {"k": 1}], ids=repr)
def test_what_is_accepted_is_exactly_what_can_be_called(signature: str, extra: Any) -> None:
    function = eval(f"lambda {signature}: None")

    class Holder:
        method = eval(f"lambda self{', ' * bool(signature)}{signature}: None")

    for callable_ in (function, Holder().method, functools.partial(function)):
        for item in ITEMS:
            if isinstance(item, dict) and isinstance(extra, tuple):
                continue
            try:
                CallPlan(callable_, extra_args=extra).caller()(item, 0)
                works = True
            except TypeError:
                works = False
            try:
                Binder(callable_, extra).check(item)
                accepted = True
            except BadCallError:
                accepted = False
            assert accepted is works, (signature, extra, item)


@pytest.mark.parametrize(
    ("iterdata", "expected"),
    [
        ([1, 2], [1, 2]),
        ([], []),
        (range(3), [0, 1, 2]),
        ({7}, [7]),
        (frozenset({7}), [7]),
        (deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [("a", 1)]),
        ("text", ["text"]),
        (b"bytes", [b"bytes"]),
        ({"a": 1}, [{"a": 1}]),
        ((1, 2), [(1, 2)]),
        (5, [5]),
        (None, [None]),
    ],
)
def test_what_map_takes_for_items(iterdata: object, expected: list[object]) -> None:
    items, length = as_items(iterdata)
    assert list(items) == expected
    assert length == len(expected)


def test_array_is_one_item() -> None:
    array = np.arange(3)
    items, length = as_items(array)
    assert next(items) is array
    assert length == 1


def test_generator_is_read_only_as_far_as_asked() -> None:
    read = []

    def numbers() -> Any:
        for i in range(10):
            read.append(i)
            yield i

    items, length = as_items(numbers())
    assert length is None
    assert [next(items), next(items)] == [0, 1]
    assert read == [0, 1]


def test_iterators_of_the_standard_library_hold_items() -> None:
    assert list(as_items(map(str, [1, 2]))[0]) == ["1", "2"]
    assert list(as_items(zip("ab", [1, 2], strict=True))[0]) == [("a", 1), ("b", 2)]
