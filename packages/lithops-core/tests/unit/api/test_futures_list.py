"""`FuturesList` is a list in every respect, though it fills itself only when somebody looks."""

from __future__ import annotations

import copy
import operator
import pickle
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from lithops.errors import BadCallError
from lithops.utils import FuturesList

from .conftest import DEADLINE_S

if TYPE_CHECKING:
    from lithops import FunctionExecutor

Fresh = Callable[..., FuturesList]


@pytest.fixture
def fresh(lone: FunctionExecutor) -> Fresh:
    """Make the list of a job that nobody has looked at."""

    def make(calls: int = 3) -> FuturesList:
        futures = lone.map(abs, range(calls))
        assert futures.job is not None
        return futures

    return make


def ids(futures: Any) -> list[str]:
    return [future.call_id for future in futures]


ZERO_TO_TWO = ["00000", "00001", "00002"]


@pytest.mark.parametrize(
    "read",
    [
        list,
        tuple,
        iter,
        lambda fs: [*fs],
        lambda fs: (lambda *args: args)(*fs),
        lambda fs: fs[:],
        lambda fs: [fs[0], fs[1], fs[-1]],
        lambda fs: fs.copy(),
        lambda fs: copy.copy(fs),
        lambda fs: fs.__add__([]),
        lambda fs: operator.add([], fs),
        lambda fs: fs * 1,
        lambda fs: 1 * fs,
        lambda fs: reversed([*reversed(fs)]),
        lambda fs: sorted(fs, key=lambda f: f.index),
        lambda fs: [fs.pop(0), *fs],
        lambda fs: [future for future, _ in zip(fs, range(9), strict=False)],
        lambda fs: pickle.loads(pickle.dumps(fs)),
    ],
)
def test_the_first_look_shows_all_futures(fresh: Fresh, read: Callable[[FuturesList], Any]) -> None:
    assert ids(read(fresh())) == ZERO_TO_TWO


def test_length_and_truth_need_no_futures(fresh: Fresh) -> None:
    futures = fresh()
    assert len(futures) == 3
    assert futures
    assert futures.job is not None


def test_it_is_a_list() -> None:
    assert issubclass(FuturesList, list)
    assert FuturesList() == []
    assert not FuturesList()
    with pytest.raises(TypeError, match="unhashable"):
        hash(FuturesList())


@pytest.mark.parametrize("compare", [operator.eq, operator.le, operator.ge])
def test_lists_of_the_same_futures_are_equal(fresh: Fresh, compare: Callable[[Any, Any], bool]) -> None:
    futures = fresh()
    same = copy.copy(futures)
    assert futures.job is not None
    assert same.job is not None
    assert compare(futures, same)
    assert compare([*same], fresh()[:0]) == compare([1], [])


def test_a_list_differs_from_others(fresh: Fresh) -> None:
    assert fresh() != []
    assert fresh() != []
    assert fresh() != fresh()
    assert fresh() > []
    assert fresh() > []


def test_joining_takes_all_of_both(fresh: Fresh) -> None:
    assert ids(fresh() + fresh()) == ZERO_TO_TWO * 2
    plain: list[Any] = []
    plain += fresh()
    plain.extend(fresh())
    plain[0:0] = fresh()
    assert ids(plain) == ZERO_TO_TWO * 3
    joined = fresh()
    joined += fresh()
    joined.extend(fresh())
    joined *= 2
    assert ids(joined) == ZERO_TO_TWO * 6
    assert isinstance(joined, FuturesList)


def test_it_can_be_changed_like_a_list(fresh: Fresh) -> None:
    futures, other = fresh(), fresh(1)[0]
    futures.append(other)
    assert len(futures) == 4
    futures.insert(0, other)
    assert futures.count(other) == 2
    futures.remove(other)
    assert futures.index(other) == 3
    del futures[3]
    assert ids(futures) == ZERO_TO_TWO
    futures.reverse()
    futures.sort(key=lambda f: f.call_id)
    random.shuffle(futures)
    futures[:] = futures[:1]
    futures[0] = other
    assert futures == [other]
    futures.clear()
    assert futures == []


def test_membership_is_seen_before_anything_else_was(fresh: Fresh, lone: FunctionExecutor) -> None:
    futures = fresh()
    assert copy.copy(futures)[1] in futures
    assert lone.call_async(abs, 1) not in fresh()


def test_repr_shows_the_futures(fresh: Fresh) -> None:
    assert repr(fresh(1)).startswith("[<ResponseFuture ")


def test_a_copy_can_still_be_chained(fresh: Fresh, lone: FunctionExecutor) -> None:
    futures = fresh()
    assert copy.copy(futures).map(str).get_result() == ["0", "1", "2"]
    assert futures.executor is lone


def test_a_list_that_came_in_a_pickle_belongs_to_no_executor(fresh: Fresh, lone: FunctionExecutor) -> None:
    futures = pickle.loads(pickle.dumps(fresh()))
    with pytest.raises(BadCallError, match="this list belongs to no executor; pass it to a method of one instead"):
        futures.get_result()
    assert lone.get_result(futures) == [0, 1, 2]


def test_threads_that_look_first_at_the_same_time_all_see_everything(fresh: Fresh) -> None:
    for _ in range(20):
        futures = fresh(500)
        seen: list[int] = []
        start = threading.Barrier(4)

        def look(futures: FuturesList = futures, seen: list[int] = seen, start: threading.Barrier = start) -> None:
            start.wait(DEADLINE_S)
            seen.append(len([*futures]))

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert seen == [500] * 4
