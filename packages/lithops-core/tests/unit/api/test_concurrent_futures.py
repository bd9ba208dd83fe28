"""`lithops.concurrent.futures`: its futures and the ways to wait for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import pickle
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from lithops import FunctionExecutor
from lithops.concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from lithops.pool import pool

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Gate


@pytest.fixture(scope="module")
def executor(fexec: FunctionExecutor) -> Executor:
    return Executor(fexec)


@pytest.fixture
def one(own_state: None) -> Iterator[Executor]:
    """An executor of one worker."""
    with ProcessPoolExecutor(1) as executor:
        yield executor


def divide(a: int, b: int) -> float:
    return a / b


# --- cancelling


def test_a_call_that_waits_can_be_cancelled_and_one_that_runs_cannot(one: Executor, gate: Gate) -> None:
    running, waiting, last = (one.submit(pass_gate, gate.path) for _ in range(3))
    gate.arrival()
    assert running.running()
    assert not waiting.running()
    assert waiting.cancel()
    assert waiting.cancel()
    assert waiting.cancelled()
    assert not running.cancel()
    gate.open(2)
    assert running.result(DEADLINE_S) == last.result(DEADLINE_S)
    with pytest.raises(CancelledError):
        waiting.result()
    assert not running.cancel()


def test_who_waits_for_a_call_is_told_at_once_that_it_was_cancelled(one: Executor, gate: Gate) -> None:
    running, waiting = (one.submit(pass_gate, gate.path) for _ in range(2))
    gate.arrival()
    told = threading.Event()
    waiting.add_done_callback(lambda _: told.set())
    waiting.cancel()
    assert told.is_set()
    assert next(as_completed([running, waiting], DEADLINE_S)) is waiting
    assert wait([running, waiting], DEADLINE_S, FIRST_COMPLETED).done == {waiting}
    gate.open()


def test_a_thread_in_result_wakes_up_when_its_call_is_cancelled(one: Executor, gate: Gate) -> None:
    running, waiting = (one.submit(pass_gate, gate.path) for _ in range(2))
    gate.arrival()
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        results = [threads.submit(future.result, DEADLINE_S) for future in (waiting, running)]
        waiting.cancel()
        with pytest.raises(CancelledError):
            results[0].result(DEADLINE_S)
        gate.open()
        results[1].result(DEADLINE_S)


def test_a_thread_in_result_wakes_up_when_its_call_turns_out_to_be_no_pickle(one: Executor, gate: Gate) -> None:
    running, waiting = one.submit(pass_gate, gate.path), one.submit(len, [threading.Lock()])
    gate.arrival()
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        result = threads.submit(waiting.exception, DEADLINE_S)
        gate.open()
        assert "_thread.lock" in str(result.result(DEADLINE_S))
    running.result()


# --- callbacks


def test_a_callback_is_called_once_and_what_it_raises_is_logged(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[object] = []

    def note(future: object) -> None:
        called.append(future)
        raise ValueError("of a callback")

    future = executor.submit(abs, -1)
    future.add_done_callback(note)
    with caplog.at_level(logging.ERROR):
        concurrent.futures.wait([future], DEADLINE_S)
        executor.submit(abs, 1).result()
    assert called == [future]
    assert "of a callback" in caplog.text


def test_a_callback_that_wants_to_end_the_program_ends_nothing(
    one: Executor, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(_future: object) -> None:
        raise SystemExit(3)

    first = one.submit(pass_gate, gate.path)
    futures = [one.submit(abs, i) for i in range(50)]
    for future in futures:
        future.add_done_callback(leave)
    gate.open()
    assert [future.result(DEADLINE_S) for future in futures] == list(range(50))
    assert isinstance(first.result(), int)
    one.shutdown()
    assert caplog.text.count("a callback of <Future at ") == 50


def test_a_callback_may_submit_more(executor: Executor) -> None:
    last = threading.Event()

    def more(future: concurrent.futures.Future[int]) -> None:
        if future.result() < 20:
            executor.submit(abs, future.result() + 1).add_done_callback(more)
        else:
            last.set()

    executor.submit(abs, 0).add_done_callback(more)
    assert last.wait(DEADLINE_S)


def test_a_callback_may_shut_its_executor_down() -> None:
    executor = ProcessPoolExecutor(1)
    closed = threading.Event()
    shut = threading.Event()
    executor._feeder._close = lambda: (executor._fexec.close(), closed.set())[0]

    def end(_future: object) -> None:
        executor.shutdown(wait=True)
        shut.set()

    executor.submit(abs, 1).add_done_callback(end)
    assert shut.wait(DEADLINE_S)
    assert closed.wait(DEADLINE_S)


# --- the standard library's ways to wait


def test_the_standard_functions_take_these_futures(executor: Executor) -> None:
    futures = [executor.submit(abs, -i) for i in range(10)]
    assert {future.result() for future in concurrent.futures.as_completed(futures, DEADLINE_S)} == set(range(10))
    done, not_done = concurrent.futures.wait([executor.submit(abs, -1)], DEADLINE_S)
    assert [future.result() for future in done] == [1]
    assert not not_done


def test_ours_take_futures_of_any_executors(executor: Executor, gate: Gate) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        futures = {threads.submit(abs, -1), executor.submit(abs, -2)}
        assert set(as_completed(futures, DEADLINE_S)) == futures
        waiting = executor.submit(pass_gate, gate.path)
        done, not_done = wait(futures | {waiting}, 0.01)
        assert (done, not_done) == (futures, {waiting})
        with pytest.raises(TimeoutError):
            list(as_completed([waiting], 0.01))
        gate.open()
        waiting.result()


@pytest.mark.parametrize("way", [wait, lambda futures: list(as_completed(futures)), concurrent.futures.wait])
def test_results_are_read_at_once_for_those_who_do_not_read_themselves(
    monkeypatch: pytest.MonkeyPatch, way: Callable[[list[Future[int]]], object]
) -> None:
    monkeypatch.setattr(pool, "DOZE_S", 3600.0)  # the pool's own thread would not get up before
    with ProcessPoolExecutor(1) as executor:
        way([executor.submit(abs, -1)])
        ended = threading.Event()
        executor.submit(abs, -1).add_done_callback(lambda _: ended.set())
        assert ended.wait(DEADLINE_S)


def test_result_and_exception_raise_when_their_time_is_over(executor: Executor, gate: Gate) -> None:
    future = executor.submit(pass_gate, gate.path)
    for timeout in (0, -1, 0.01):
        with pytest.raises(TimeoutError):
            future.result(timeout)
        with pytest.raises(TimeoutError):
            future.exception(timeout)
    gate.open()
    assert future.exception(DEADLINE_S) is None


def test_an_event_loop_runs_calls(executor: Executor) -> None:
    async def run() -> tuple[list[int], str]:
        loop = asyncio.get_running_loop()
        values = await asyncio.gather(*(loop.run_in_executor(executor, abs, -i) for i in range(20)))
        error = ""
        try:
            await asyncio.wrap_future(executor.submit(divide, 1, 0))
        except ZeroDivisionError as raised:
            error = str(raised)
        return values, error

    assert asyncio.run(run()) == (list(range(20)), "division by zero")


def test_a_task_that_is_cancelled_cancels_its_call(one: Executor, gate: Gate) -> None:
    running = one.submit(pass_gate, gate.path)
    gate.arrival()
    future: Future[int] = one.submit(abs, 1)

    async def run() -> None:
        task = asyncio.ensure_future(asyncio.wrap_future(future))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert future.cancelled()
    gate.open()
    running.result()


def test_a_future_is_not_pickled(executor: Executor) -> None:
    future = executor.submit(abs, 1)
    for _ in range(2):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(future)
        future.result()
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(executor)


def test_an_interrupt_ends_the_wait_and_not_the_call(executor: Executor, gate: Gate) -> None:
    future = executor.submit(pass_gate, gate.path)

    def interrupt() -> None:
        gate.arrival()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.start()  # from now on it may come
        future.result(DEADLINE_S)
    thread.join()
    gate.open()
    assert isinstance(future.result(DEADLINE_S), int)
