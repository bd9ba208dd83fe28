"""What `imap` yields: order, errors, options, and how far ahead it reads."""

from __future__ import annotations

import itertools
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lithops import FunctionExecutor, RetryPolicy
from lithops.errors import BadCallError, CallTimeoutError

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


def double(x: int) -> int:
    return 2 * x


def fragile(x: int) -> int:
    if x == 3:
        raise ValueError("cannot do 3")
    return x


class Counted:
    """An item that is counted as long as somebody holds it; a worker gets its number."""

    alive = 0

    def __init__(self, number: int) -> None:
        self.number = number
        Counted.alive += 1
        weakref.finalize(self, self.forget)

    @staticmethod
    def forget() -> None:
        Counted.alive -= 1

    def __reduce__(self) -> tuple[Callable[..., int], tuple[int]]:
        return int, (self.number,)


# --- results


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 100, 5000])
def test_results_come_in_the_order_of_the_items(fexec: FunctionExecutor, calls: int) -> None:
    assert list(fexec.imap(double, iter(range(calls)))) == [2 * x for x in range(calls)]


@pytest.mark.parametrize("calls", [0, 1, 3, 5000])
def test_unordered_results_are_all_there(fexec: FunctionExecutor, calls: int) -> None:
    assert sorted(fexec.imap(double, range(calls), ordered=False)) == [2 * x for x in range(calls)]


@pytest.mark.parametrize("buffer", [1, 2, 3, 7, 64])
def test_any_buffer_will_do(fexec: FunctionExecutor, buffer: int) -> None:
    assert list(fexec.imap(double, range(300), buffer=buffer)) == [2 * x for x in range(300)]


def test_an_iterable_without_end_is_read_as_far_as_needed(fexec: FunctionExecutor) -> None:
    with fexec.imap(double, itertools.count()) as results:
        assert list(itertools.islice(results, 10_000)) == [2 * x for x in range(10_000)]


def test_tuples_dicts_and_extra_args_become_arguments_as_in_a_map(fexec: FunctionExecutor) -> None:
    def full(a: int, b: int = 0, c: int = 0) -> tuple[int, int, int]:
        return a, b, c

    assert list(fexec.imap(full, [(1, 2), (3,), (4, 5, 6)])) == [(1, 2, 0), (3, 0, 0), (4, 5, 6)]
    assert list(fexec.imap(full, [{"a": 1, "c": 2}], extra_args={"b": 9})) == [(1, 9, 2)]
    assert list(fexec.imap(full, (x for x in (1, 2)), extra_args=(7,))) == [(1, 7, 0), (2, 7, 0)]


def test_the_parameter_id_counts_the_items(fexec: FunctionExecutor) -> None:
    def numbered(id: int, x: str) -> int:
        return id

    assert list(fexec.imap(numbered, itertools.repeat("x", 3000), buffer=100)) == list(range(3000))


def test_calls_see_extra_env(fexec: FunctionExecutor) -> None:
    def mark(_x: int) -> str:
        return os.environ["MARK"]

    assert list(fexec.imap(mark, range(3), extra_env={"MARK": "here"})) == ["here"] * 3


def test_large_arrays_arrive_whole(fexec: FunctionExecutor) -> None:
    arrays = (np.full(100_000, k) for k in range(12))
    for k, result in enumerate(fexec.imap(lambda array: array + 1, arrays, buffer=4)):
        assert (result == k + 1).all()


def test_chunksize_says_how_many_calls_a_worker_gets_at_once(fexec: FunctionExecutor) -> None:
    assert list(fexec.imap(double, range(100), chunksize=7)) == [2 * x for x in range(100)]


def test_a_stream_says_whose_it_is(fexec: FunctionExecutor) -> None:
    stream = fexec.imap(double, range(3))
    assert re.fullmatch(rf"<ResultStream {fexec.executor_id}-M\d+ double>", repr(stream))
    stream.close()
    assert repr(stream).endswith(" double, closed>")


def test_results_are_neither_kept_nor_part_of_get_result(fexec: FunctionExecutor) -> None:
    jobs = fexec.total_jobs
    fexec.get_result()
    before = len(fexec.futures)
    assert list(fexec.imap(double, range(100))) == [2 * x for x in range(100)]
    assert (len(fexec.futures), fexec.get_result(), fexec.total_jobs) == (before, [], jobs + 1)
    assert fexec.last_call == "imap"


def test_two_streams_are_read_in_turn(fexec: FunctionExecutor) -> None:
    pairs = zip(fexec.imap(double, itertools.count()), fexec.imap(str, itertools.count()), strict=False)
    assert list(itertools.islice(pairs, 2000)) == [(2 * x, str(x)) for x in range(2000)]


def test_a_stream_feeds_another(fexec: FunctionExecutor) -> None:
    assert list(fexec.imap(str, fexec.imap(double, range(3000)))) == [str(2 * x) for x in range(3000)]


def test_the_results_of_futures_are_items(fexec: FunctionExecutor) -> None:
    assert list(fexec.imap(str, fexec.map(double, range(50)))) == [str(2 * x) for x in range(50)]


def test_several_threads_share_the_results_of_one_stream(fexec: FunctionExecutor) -> None:
    results = fexec.imap(double, range(5000))
    taken: list[list[int]] = [[], [], []]
    threads = [threading.Thread(target=part.extend, args=(results,)) for part in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(itertools.chain(*taken)) == [2 * x for x in range(5000)]


def test_a_call_that_waits_holds_nobody_back_where_order_does_not_matter(fexec: FunctionExecutor, gate: Gate) -> None:
    def wait_or_not(path: str) -> str:
        return str(pass_gate(path)) if path else ""

    results = fexec.imap(wait_or_not, [gate.path, *[""] * 500], ordered=False, buffer=50)
    assert [next(results) for _ in range(500)] == [""] * 500
    gate.open()
    assert [int(pid) > 0 for pid in results] == [True]


def test_a_thread_that_waits_gets_what_another_has_taken_for_it(fexec: FunctionExecutor, gate: Gate) -> None:
    def work(x: int, path: str) -> int:
        if x == 0:
            pass_gate(path)
        return x

    results = fexec.imap(work, range(20), extra_args=(gate.path,))  # the last ones go out, and come, together
    taken: list[object] = []
    threads = [threading.Thread(target=lambda: taken.append(next(results, -1))) for _ in range(20)]
    for thread in threads:
        thread.start()
    gate.arrival()
    assert fexec.call_async(double, 1).result(timeout=DEADLINE_S) == 2  # the others have had the time to wait
    gate.open()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(taken) == list(range(20))  # type: ignore[type-var]
    assert list(results) == []


# --- how far ahead


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("buffer", [1, 2, 9, 100])
def test_never_more_than_the_buffer_is_under_way_or_unread(fexec: FunctionExecutor, buffer: int, ordered: bool) -> None:
    read, ahead = 0, []

    def items() -> Iterator[int]:
        for k in range(600):
            ahead.append(k + 1 - read)  # with this one
            yield k

    for _ in fexec.imap(double, items(), buffer=buffer, ordered=ordered):
        read += 1
    assert max(ahead) <= buffer + 1  # the one that is being read now is counted late


def test_items_and_inputs_are_let_go_of_as_results_are_read(fexec: FunctionExecutor) -> None:
    alive = [Counted.alive for _ in fexec.imap(double, map(Counted, range(5000)), buffer=50)]
    assert max(alive) <= 51


@pytest.mark.parametrize("ordered", [True, False])
def test_large_items_are_read_less_far_ahead(fexec: FunctionExecutor, ordered: bool) -> None:
    read, ahead = 0, []

    def items() -> Iterator[bytes]:
        for k in range(60):
            ahead.append(k - read)
            yield bytes(4 << 20)

    for size in fexec.imap(len, items(), ordered=ordered):
        assert size == 4 << 20
        read += 1
    assert max(ahead[10:]) <= 17  # 64 MiB


def test_a_result_that_is_ready_does_not_wait_for_the_next_item(fexec: FunctionExecutor) -> None:
    was_read = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for k in range(20):
            yield k
            assert was_read.acquire(timeout=DEADLINE_S), f"the result of item {k} was held back"

    for k, result in enumerate(fexec.imap(double, items())):
        assert result == 2 * k
        was_read.release()


@pytest.mark.parametrize("burst", [2, 5, 70, 1500])
def test_items_that_have_gathered_do_not_wait_for_the_next_one(fexec: FunctionExecutor, burst: int) -> None:
    were_read = threading.Event()

    def items() -> Iterator[int]:
        for k in range(3 * burst):
            yield k
            if k % burst == burst - 1:
                assert were_read.wait(DEADLINE_S), f"a result up to that of item {k} was held back"
                were_read.clear()

    for k, result in enumerate(fexec.imap(double, items())):
        assert result == 2 * k
        if k % burst == burst - 1:
            were_read.set()


# --- errors


def test_a_failed_call_raises_in_its_place_and_the_rest_can_be_read(fexec: FunctionExecutor) -> None:
    results = fexec.imap(fragile, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="cannot do 3") as caught:
        next(results)
    assert "fragile" in str(caught.value.__cause__)
    assert list(results) == [4, 5]


def test_errors_stand_in_their_places_where_they_are_not_to_be_raised(fexec: FunctionExecutor) -> None:
    results = list(fexec.imap(fragile, range(6), throw_except=False))
    assert [type(result) for result in results] == [int, int, int, ValueError, int, int]


def test_an_error_that_ends_loops_is_told_from_the_end(fexec: FunctionExecutor) -> None:
    def stop(_x: int) -> None:
        raise StopIteration

    results = fexec.imap(stop, range(1))
    with pytest.raises(RuntimeError, match="the call raised StopIteration"):
        next(results)
    assert list(results) == []


def test_an_index_error_is_the_call_s_own(fexec: FunctionExecutor) -> None:
    results = fexec.imap(lambda x: [][x], range(2))
    for _ in range(2):
        with pytest.raises(IndexError):
            next(results)
    assert list(results) == []


@pytest.mark.parametrize("good", [0, 1, 10, 3000])
def test_an_error_of_the_iterable_follows_the_results_of_the_items_before(fexec: FunctionExecutor, good: int) -> None:
    def items() -> Iterator[int]:
        yield from range(good)
        raise OSError("the disk is gone")

    results = fexec.imap(double, items(), throw_except=False)
    assert [next(results) for _ in range(good)] == [2 * x for x in range(good)]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)
    assert list(results) == []


def test_an_iterable_that_raises_what_ends_generators_does_not_end_who_reads(fexec: FunctionExecutor) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise GeneratorExit

    results = fexec.imap(double, items())
    assert next(results) == 2
    with pytest.raises(RuntimeError, match="^the iterable raised GeneratorExit$") as caught:
        next(results)
    assert isinstance(caught.value.__cause__, GeneratorExit)
    assert list(results) == []


def test_an_item_that_cannot_be_pickled_fails_in_its_place(fexec: FunctionExecutor) -> None:
    items = [1, 2, threading.Lock(), 4, 5]
    results = list(fexec.imap(str, items, throw_except=False))
    assert [results[k] for k in (0, 1, 3, 4)] == ["1", "2", "4", "5"]
    assert isinstance(results[2], BadCallError)
    assert str(results[2]).startswith("the data of item 2 of 'str' cannot be pickled: it is of type '_thread.lock'")


def test_an_item_that_does_not_fit_fails_in_its_place(fexec: FunctionExecutor) -> None:
    results = list(fexec.imap(double, [1, (2, 3), 4], throw_except=False))
    assert results[::2] == [2, 8]
    assert str(results[1]).startswith("cannot call double(x) with item 1, (2, 3): 2 positional arguments are too many")


def test_a_call_that_raises_is_tried_again(fexec: FunctionExecutor, tmp_path: Any) -> None:
    def second_time(name: str) -> str:
        from pathlib import Path

        mark = Path(name)
        if not mark.exists():
            mark.touch()
            raise ValueError("not yet")
        return "done"

    names = [str(tmp_path / str(k)) for k in range(10)]
    assert list(fexec.imap(second_time, names[:5], retries=1)) == ["done"] * 5
    policy = RetryPolicy(retries=1, on=ValueError, first_delay_s=0)
    assert list(fexec.imap(second_time, names[5:], retries=policy)) == ["done"] * 5


def test_a_call_that_takes_too_long_is_ended(fexec: FunctionExecutor, gate: Gate) -> None:
    (error,) = fexec.imap(pass_gate, [gate.path], timeout=0.1, throw_except=False)
    assert isinstance(error, CallTimeoutError)


def test_what_cannot_be_iterated_is_refused(fexec: FunctionExecutor) -> None:
    with pytest.raises(BadCallError) as caught:
        fexec.imap(double, 5)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "imap takes an iterable of items, found 5 of type 'int'; write [item] for a single one"
    )
    with pytest.raises(BadCallError, match="found 'abc' of type 'str'; write \\[item\\]"):
        fexec.imap(double, "abc")


@pytest.mark.parametrize("buffer", [0, -1, 1.5, "many"])
def test_a_buffer_that_makes_no_sense_is_refused(fexec: FunctionExecutor, buffer: Any) -> None:
    with pytest.raises(BadCallError) as caught:
        fexec.imap(double, [1], buffer=buffer)
    assert str(caught.value) == f"buffer must be a whole number from 1 up, found {buffer!r}"


def test_what_cannot_be_called_is_refused_at_once(fexec: FunctionExecutor) -> None:
    with pytest.raises(BadCallError, match="cannot call 'double' of type 'str'"):
        fexec.imap("double", itertools.count())  # type: ignore[arg-type]


def test_a_function_that_cannot_be_pickled_is_refused_at_once(fexec: FunctionExecutor) -> None:
    lock = threading.Lock()
    with pytest.raises(BadCallError, match="cannot be pickled"):
        fexec.imap(lambda x: (lock, x), itertools.count())
