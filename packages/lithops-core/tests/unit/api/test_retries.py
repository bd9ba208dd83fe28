"""`RetryingFunctionExecutor`: retries under the names users know.

Over 400 lines, because submitting, waiting and futures of one executor share calls that fail in the same ways.
"""

from __future__ import annotations

import gc
import os
import pickle
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lithops
from lithops import FunctionExecutor, RetryingFunctionExecutor, RetryPolicy
from lithops.errors import BadCallError, CallTimeoutError, ClosedError, LithopsError
from lithops.future import ResponseFuture
from lithops.retries import RetryingFuture
from lithops.wait import ALWAYS, ANY_COMPLETED

from .conftest import DEADLINE_S

if TYPE_CHECKING:
    from .conftest import Program

NOT_YET = RetryPolicy(retries=3, first_delay_s=1e6, longest_delay_s=1e6)
"""A pause that is over in a test once in a hundred thousand runs."""


def count(path: str) -> int:
    """Return how often this was called with a path."""
    with Path(path).open("a+") as file:
        file.write("x")
        file.flush()
        file.seek(0)
        return len(file.read())


def flaky(path: str, good: int) -> int:
    """Fail until this was called so often."""
    tries = count(path)
    if tries < good:
        raise ConnectionError(f"attempt {tries}")
    return tries


@pytest.fixture
def rexec(fexec: FunctionExecutor) -> RetryingFunctionExecutor:
    return RetryingFunctionExecutor(fexec)


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[str]:
    """Yield paths that were not there before."""
    return (str(tmp_path / str(n)) for n in range(1000))


def in_back_off(rexec: RetryingFunctionExecutor, path: str) -> RetryingFuture:
    """Return a future whose call has failed once and pauses."""
    (future,) = rexec.map(flaky, [(path, 2)], retries=NOT_YET)
    for _ in range(DEADLINE_S * 100):
        if future.attempts:
            return future
        rexec.wait(future, timeout=0.01)
    raise AssertionError("the call has not failed")


# --- submitting


def test_a_map_returns_a_list_of_futures_that_know_their_input(rexec: RetryingFunctionExecutor) -> None:
    futures = rexec.map(abs, range(-3, 0))
    assert type(futures) is list
    assert all(type(future) is RetryingFuture for future in futures)
    assert [future.input for future in futures] == [-3, -2, -1]
    assert rexec.get_result(futures) == [3, 2, 1]


def test_a_retrying_future_says_what_it_is(rexec: RetryingFunctionExecutor) -> None:
    future = rexec.call_async(abs, -1)
    future.result()
    assert repr(future) == f"<RetryingFuture {future.job_key}-00000 abs Done>"


def test_calls_that_fail_are_tried_again_and_count_their_failures(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    items = [(next(paths), good) for good in (1, 3, 2)]
    futures = rexec.map(flaky, items, retries=2)
    done, not_done = rexec.wait(futures)
    assert (done, not_done) == (futures, [])
    assert [future.result() for future in futures] == [1, 3, 2]
    assert [future.failure_count for future in futures] == [0, 2, 1]
    assert [(future.done, future.error, future.retries) for future in futures] == [(True, False, 2)] * 3


def test_a_call_that_fails_for_the_last_time_has_an_error(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    good, bad = rexec.map(flaky, [(next(paths), 1), (next(paths), 9)], retries=1)
    with pytest.raises(ConnectionError, match="attempt 2"):
        rexec.wait([good, bad])
    assert (good.done, good.error, good.result()) == (True, False, 1)
    assert (bad.done, bad.error, bad.failure_count) == (True, True, 2)
    with pytest.raises(ConnectionError, match="attempt 2"):
        bad.status()
    with pytest.raises(ConnectionError, match="attempt 2"):
        bad.result()
    assert bad.status(throw_except=False) == bad.stats
    assert bad.result(throw_except=False) is None


def test_without_throw_except_a_wait_returns_what_failed_among_what_is_done(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    futures = rexec.map(flaky, [(next(paths), 9), (next(paths), 2)], retries=1)
    done, not_done = rexec.wait(futures, throw_except=False)
    assert ([future.error for future in done], not_done) == ([True, False], [])


def test_retries_come_from_the_configuration_unless_they_are_given(paths: Iterator[str]) -> None:
    with RetryingFunctionExecutor(FunctionExecutor(config={"lithops": {"retries": 1}}, worker_processes=1)) as rexec:
        (future,) = rexec.map(flaky, [(next(paths), 2)])
        (other,) = rexec.map(flaky, [(next(paths), 2)], retries=0)
        assert (future.retries, future.result()) == (1, 2)
        assert (other.retries, type(other.exception())) == (0, ConnectionError)


def test_without_anything_configured_nothing_is_tried_again(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    (future,) = rexec.map(flaky, [(next(paths), 2)])
    assert (future.retries, str(future.exception()), future.failure_count) == (0, "attempt 1", 1)


def test_options_may_be_given_by_position_and_by_name(rexec: RetryingFunctionExecutor) -> None:
    def subtract(a: int, b: int) -> int:
        return a - b

    assert rexec.get_result(rexec.map(subtract, [5, 6], 1, (2,), timeout=60)) == [3, 4]


def test_a_generator_is_read_once(rexec: RetryingFunctionExecutor) -> None:
    futures = rexec.map(abs, (-n for n in range(3)))
    assert [(future.input, future.result()) for future in futures] == [(0, 0), (-1, 1), (-2, 2)]


def test_what_is_no_list_is_one_item_and_no_items_are_no_futures(rexec: RetryingFunctionExecutor) -> None:
    (future,) = rexec.map(abs, -5)
    assert (future.input, future.result()) == (-5, 5)
    assert rexec.map(abs, []) == []


def test_a_chained_call_has_the_future_before_it_as_its_input(
    rexec: RetryingFunctionExecutor, fexec: FunctionExecutor, paths: Iterator[str]
) -> None:
    first = fexec.map(abs, [-1, -2])
    second = rexec.map(abs, first)
    assert [future.input for future in second] == list(first)
    assert rexec.get_result(second) == [1, 2]


def test_a_single_call_is_tried_again_too(rexec: RetryingFunctionExecutor, paths: Iterator[str]) -> None:
    data = (next(paths), 2)
    future = rexec.call_async(flaky, data, retries=1)
    assert (type(future), future.input, rexec.get_result(future)) == (RetryingFuture, data, 2)


@pytest.mark.parametrize("retries", [-1, 1.5, "three"])
def test_senseless_retries_are_refused(rexec: RetryingFunctionExecutor, retries: object) -> None:
    with pytest.raises(BadCallError, match=f"^retries must be a whole number from 0 up, found {retries!r}$"):
        rexec.map(abs, [1], retries=retries)  # type: ignore[arg-type]


# --- waiting


def test_a_call_is_tried_again_while_nobody_waits(rexec: RetryingFunctionExecutor, paths: Iterator[str]) -> None:
    (future,) = rexec.map(flaky, [(next(paths), 4)], retries=3)
    over = threading.Event()
    future.add_done_callback(lambda _: over.set())
    assert over.wait(DEADLINE_S)
    assert future.result() == 4


@pytest.mark.parametrize(("percentage", "enough"), [(1, 1), (50, 2), (75, 3), (100, 4)])
def test_a_percentage_may_be_waited_for(
    rexec: RetryingFunctionExecutor, paths: Iterator[str], percentage: int, enough: int
) -> None:
    futures = rexec.map(flaky, [(next(paths), 2) for _ in range(4)], retries=1)
    done, not_done = rexec.wait(futures, return_when=percentage)
    assert len(done) >= enough
    assert len(done) + len(not_done) == 4
    assert rexec.get_result(futures) == [2] * 4


def test_any_and_always_return_without_the_call_that_pauses(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    paused = in_back_off(rexec, next(paths))
    (good,) = rexec.map(abs, [-1])
    assert rexec.wait([paused, good], return_when=ANY_COMPLETED) == ([good], [paused])
    assert rexec.wait([paused, good], return_when=ALWAYS) == ([good], [paused])
    assert rexec.wait([paused, good], return_when=50) == ([good], [paused])
    paused.cancel()


def test_a_wait_ends_at_its_timeout_and_the_call_goes_on(rexec: RetryingFunctionExecutor, paths: Iterator[str]) -> None:
    paused = in_back_off(rexec, next(paths))
    assert rexec.wait(paused, timeout=0.05) == ([], [paused])
    assert (paused.done, paused.error, paused.state, paused.failure_count) == (False, False, "Invoked", 1)
    paused.cancel()


def test_cancelling_ends_the_pause_before_the_next_attempt(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    path = next(paths)
    paused = in_back_off(rexec, path)
    assert paused.cancel()
    assert (paused.done, paused.cancelled(), paused.failure_count) == (True, True, 1)
    assert paused.stats["attempt"] == 1
    assert rexec.wait(paused, throw_except=False) == ([paused], [])
    assert len(Path(path).read_text()) == 1


def test_a_call_that_was_cancelled_in_its_pause_is_not_started_when_the_pause_is_over(
    rexec: RetryingFunctionExecutor, paths: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)  # so that all pauses are equally long
    path = next(paths)
    policy = RetryPolicy(retries=1, first_delay_s=2.0)  # long enough to be cancelled in, on a busy machine, too
    future, other = rexec.map(flaky, [(path, 2), (next(paths), 2)], retries=policy)
    while not future.attempts:
        rexec.wait(future, timeout=0.001)
    future.cancel()
    assert other.result(timeout=DEADLINE_S) == 2
    (later,) = rexec.map(flaky, [(next(paths), 2)], retries=policy)
    assert later.result(timeout=DEADLINE_S) == 2
    assert Path(path).read_text() == "x"


def test_a_call_that_takes_too_long_is_tried_again(rexec: RetryingFunctionExecutor, paths: Iterator[str]) -> None:
    def slow_at_first(path: str) -> int:
        import select

        if count(path) == 1:
            select.select([], [], [], 60)
        return 7

    (future,) = rexec.map(slow_at_first, [next(paths)], timeout=2, retries=1)
    assert future.result(timeout=DEADLINE_S) == 7
    first, second = future.attempts
    assert isinstance(first.error, CallTimeoutError)
    assert first.started is not None
    assert second.started is not None
    assert first.started + 2 <= first.ended <= second.started <= second.ended


def test_a_wait_without_futures_is_for_all_calls_whose_results_were_not_taken() -> None:
    with RetryingFunctionExecutor(FunctionExecutor(worker_processes=1)) as rexec:
        taken = rexec.map(abs, [-1, -2])
        assert rexec.get_result(taken) == [1, 2]
        futures = [*rexec.map(abs, [-3, -4]), rexec.call_async(abs, -5)]
        rexec.executor.call_async(abs, -6)  # is not one of those that know their input
        done, not_done = rexec.wait()
        assert (done, not_done) == (futures, [])
        assert [(type(future), future.input) for future in done] == [(RetryingFuture, n) for n in (-3, -4, -5)]
        assert {future.input for future in rexec.as_completed(timeout=DEADLINE_S)} == {-3, -4, -5}
        assert rexec.get_result() == [3, 4, 5, 6]
        assert rexec.wait() == ([], [])


def test_inputs_of_calls_whose_results_were_taken_are_not_kept() -> None:
    with RetryingFunctionExecutor(FunctionExecutor(worker_processes=1)) as rexec:
        kept = weakref.ref(item := {1, 2})
        assert rexec.map(len, [item])[0].result() == 2
        del item
        rexec.map(abs, [-2])
        gc.collect()
        assert kept() is None


def test_who_is_told_of_the_end_of_a_call_is_given_its_future(rexec: RetryingFunctionExecutor) -> None:
    futures = rexec.map(abs, [-1, -2])
    told: list[object] = []
    for future in futures:
        future.add_done_callback(told.append)
    assert {future.input for future in rexec.as_completed(futures)} == {-1, -2}
    assert {future.input for future in lithops.wait.as_completed(futures)} == {-1, -2}
    assert {id(future) for future in told} == {id(future) for future in futures}


# --- futures


def test_futures_are_keys_of_dicts_and_equal_to_the_plain_future_of_their_call(
    rexec: RetryingFunctionExecutor, fexec: FunctionExecutor
) -> None:
    one, other = rexec.map(abs, [-1, -2])
    inputs = {future: future.input for future in (one, other)}
    plain = fexec.futures[-2:]
    assert [type(future) for future in plain] == [ResponseFuture, ResponseFuture]
    assert [inputs[future] for future in plain] == [-1, -2]  # type: ignore[index]
    assert one != other
    assert one != "00000"


def test_everything_that_takes_futures_takes_these(
    rexec: RetryingFunctionExecutor, fexec: FunctionExecutor, paths: Iterator[str]
) -> None:
    futures = rexec.map(flaky, [(next(paths), 2), (next(paths), 1)], retries=1)
    assert lithops.wait(futures)[1] == []
    assert lithops.get_result(futures) == [2, 1]
    assert set(fexec.as_completed(futures)) == set(futures)
    assert fexec.wait(futures) == (futures, [])


def test_a_call_may_return_such_futures(rexec: RetryingFunctionExecutor, tmp_path: Path) -> None:
    def fan_out(n: int) -> object:
        inner = RetryingFunctionExecutor(FunctionExecutor(worker_processes=1))
        return inner.map(flaky, [(str(tmp_path / f"inner-{k}"), 2) for k in range(n)], retries=1)

    assert rexec.get_result(rexec.map(fan_out, [2])) == [[2, 2]]


def test_a_future_that_has_ended_travels_with_result_and_attempts(
    rexec: RetryingFunctionExecutor, paths: Iterator[str], run_program: Program
) -> None:
    (future,) = rexec.map(flaky, [(next(paths), 2)], retries=1)
    rexec.wait(future)
    done = run_program(
        f"import pickle\nfuture = pickle.loads({pickle.dumps(future)!r})\n"
        "first, second = future.attempts\n"
        "print(type(future).__name__, future.result(), future.retries, future.failure_count)\n"
        "print(repr(first.error), first.number, second.error, second.number, future.stats['attempt'])\n"
        "print([entry['error'] for entry in future.stats['failed_attempts']])\n"
        "try:\n    future.input\nexcept lithops.errors.LithopsError as error:\n    print(error)\n".replace(
            "try:", "import lithops.errors\ntry:"
        )
    )
    assert done.stdout.splitlines() == [
        "RetryingFuture 2 1 1",
        "ConnectionError('attempt 1') 1 None 2 2",
        "['ConnectionError: attempt 1']",
        f"the input of call 00000 of job {future.job_key} stayed where the job was submitted; send it along with the "
        "future",
    ]


def test_a_future_that_pauses_travels_and_gets_its_result(
    rexec: RetryingFunctionExecutor, paths: Iterator[str]
) -> None:
    paused = in_back_off(rexec, next(paths))
    copy = pickle.loads(pickle.dumps(paused))
    assert (type(copy), copy) == (RetryingFuture, paused)
    assert not copy.done
    with pytest.raises(LithopsError, match="stayed where the job was submitted"):
        copy.input  # noqa: B018
    paused.cancel()
    assert copy.cancelled()


def test_a_future_whose_input_cannot_be_pickled_by_itself_travels(rexec: RetryingFunctionExecutor) -> None:
    (future,) = rexec.map(lambda f: f(3), [lambda x: x + 1])
    future.result()
    assert pickle.loads(pickle.dumps(future)).result() == 4


# --- the executor


@pytest.mark.parametrize("executor", [3, None, FunctionExecutor])
def test_what_is_no_executor_is_refused(executor: Any) -> None:
    with pytest.raises(BadCallError) as caught:
        RetryingFunctionExecutor(executor)
    assert str(caught.value) == (
        f"RetryingFunctionExecutor takes the executor that is to run the calls, found {executor!r}; write "
        "RetryingFunctionExecutor(FunctionExecutor())"
    )


def test_it_is_closed_with_its_executor_and_closing_it_twice_is_harmless(paths: Iterator[str]) -> None:
    fexec = FunctionExecutor(worker_processes=1)
    with RetryingFunctionExecutor(fexec) as rexec:
        futures = rexec.map(flaky, [(next(paths), 2)], retries=1)
        assert rexec.config is fexec.config
        assert repr(rexec) == f"<RetryingFunctionExecutor of {fexec!r}>"
    assert futures[0].result() == 2  # leaving the block waited for it
    rexec.close()
    with pytest.raises(ClosedError):
        rexec.map(abs, [1])


def test_clean_removes_the_logs_of_its_jobs() -> None:
    logs = Path(os.environ["LITHOPS_STATE_DIR"], "logs")
    with RetryingFunctionExecutor(FunctionExecutor(worker_processes=1)) as rexec:
        future = rexec.call_async(print, "hello")
        future.result()
        folder = f"{rexec.executor.executor_id}*"
        assert list(logs.glob(folder))
        rexec.clean(clean_fn=True)
    assert not list(logs.glob(folder))


def test_several_threads_may_submit_and_wait(rexec: RetryingFunctionExecutor, paths: Iterator[str]) -> None:
    items = [[(next(paths), 2) for _ in range(5)] for _ in range(4)]
    results: list[object] = []

    def run(mine: list[tuple[str, int]]) -> None:
        results.append(rexec.get_result(rexec.map(flaky, mine, retries=2)))

    threads = [threading.Thread(target=run, args=(mine,)) for mine in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert results == [[2] * 5] * 4
