"""`ResponseFuture`: who it is, how it is, what came of it, and that it travels."""

from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import CancelledError as StandardCancelledError
from typing import TYPE_CHECKING, Any

import pytest

from lithops.errors import BadCallError, CancelledError, JobTimeoutError
from lithops.future import ResponseFuture
from lithops.retries import RetryingFuture

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from lithops import FunctionExecutor

    from .conftest import Gate, Program


def reciprocal(x: float) -> float:
    return 1 / x


def test_a_future_says_whose_it_is(fexec: FunctionExecutor) -> None:
    future = fexec.map(reciprocal, [1, 2])[1]
    future.result()
    assert future.call_id == "00001"
    assert future.index == 1
    assert future.job_key == f"{fexec.executor_id}-{future.job_id}"
    assert future.executor_id == fexec.executor_id
    assert future.function_name == "reciprocal"
    assert future.execution_timeout == 3600
    assert future.runtime_memory is None
    assert future.runtime_name
    assert future.activation_id
    assert future.logs == ""
    assert repr(future) == f"<ResponseFuture {future.job_key}-00001 reciprocal Done>"


def test_the_states_of_a_future(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)
    gate.arrival()
    assert future.state == ResponseFuture.State.Invoked == "Invoked"
    assert (future.new, future.invoked, future.running) == (False, True, True)
    assert (future.ready, future.done, future.success, future.error) == (False, False, False, False)
    gate.open()
    fexec.wait(future)
    assert future.state == "Success"
    assert (future.invoked, future.ready, future.done, future.success, future.error) == (False, True, True, True, False)
    future.result()
    assert future.state == "Done"
    failed = fexec.call_async(reciprocal, 0)
    failed.exception()
    assert failed.state == "Error"
    assert (failed.ready, failed.done, failed.success, failed.error) == (True, True, False, True)
    assert not failed.cancelled()


def test_futures_of_one_call_are_equal(fexec: FunctionExecutor) -> None:
    futures = fexec.map(reciprocal, [1, 2])
    again = fexec.futures[-2:]
    assert futures[0] == again[0]
    assert futures[0] is not again[0]
    assert futures[0] != futures[1]
    assert futures[0] != "M000"
    assert hash(futures[1]) == hash(again[1])
    assert {futures[0]: "zero", futures[1]: "one"}[again[1]] == "one"
    assert len({*futures, *again}) == 2


def test_copies_of_a_future_are_the_future(fexec: FunctionExecutor, gate: Gate) -> None:
    fexec.storage.create_bucket(fexec.storage.bucket)
    pending = fexec.call_async(pass_gate, gate.path)
    assert copy.copy(pending) is pending
    assert copy.deepcopy([pending]) == [pending]
    gate.open()
    assert fexec.storage.list_keys(fexec.storage.bucket, f"lithops.jobs/{pending.job_key}/") == []


def test_a_finished_future_carries_its_result_to_another_process(fexec: FunctionExecutor, run_program: Program) -> None:
    ok, failed = fexec.call_async(reciprocal, 4), fexec.call_async(reciprocal, 0)
    fexec.wait([ok, failed], throw_except=False)
    done = run_program(
        "import pickle\n"
        f"ok, failed = pickle.loads({pickle.dumps((ok, failed))!r})\n"
        "print(ok.result(), ok.function_name, type(failed.exception()).__name__, failed.cancel(), ok)\n"
    )
    assert (
        done.stdout == f"0.25 reciprocal ZeroDivisionError False <ResponseFuture {ok.job_key}-00000 reciprocal Done>\n"
    )


def test_a_pending_future_gets_its_result_in_another_process(
    fexec: FunctionExecutor, gate: Gate, run_program: Program
) -> None:
    pending = fexec.call_async(pass_gate, gate.path)
    worker = gate.arrival()
    data = pickle.dumps(pending)
    code = (
        f"import pickle\nfuture = pickle.loads({data!r})\nprint(future.result(timeout=30), future.stats['attempt'])\n"
    )
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(run_program(code).stdout))
    thread.start()
    gate.open()
    thread.join(DEADLINE_S)
    assert said == [f"{worker} 1\n"]


def test_a_pickled_future_is_its_own_again_where_its_job_is(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(reciprocal, 2)
    future.result()
    again = pickle.loads(pickle.dumps(future))
    assert again == future
    assert again._job is future._job


def test_result_has_a_timeout_that_ends_nothing(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)
    gate.arrival()
    with pytest.raises(JobTimeoutError, match=r"call 00000 of job .* \(pass_gate\) has not ended after [\d.]+ s"):
        future.result(timeout=0.02)
    with pytest.raises(TimeoutError, match="it goes on, wait again or cancel it"):
        future.exception(timeout=0)
    with pytest.raises(TimeoutError):
        future.status(timeout=0)
    gate.open()
    assert isinstance(future.result(timeout=DEADLINE_S), int)


def test_result_without_throw_except_is_none_for_a_failed_call(fexec: FunctionExecutor) -> None:
    assert fexec.call_async(reciprocal, 0).result(throw_except=False) is None


def test_exception_is_none_for_a_call_that_returned(fexec: FunctionExecutor) -> None:
    assert fexec.call_async(reciprocal, 2).exception() is None


def test_exception_is_of_the_users_own_type(fexec: FunctionExecutor) -> None:
    class OutOfInk(Exception):
        pass

    def write(_: Any) -> None:
        raise OutOfInk("blue")

    error = fexec.call_async(write, None).exception()
    assert isinstance(error, OutOfInk)
    assert error.args == ("blue",)


def test_status_raises_or_tells_the_stats(fexec: FunctionExecutor) -> None:
    assert fexec.call_async(reciprocal, 2).status()["worker_func_exec_time"] >= 0
    failed = fexec.call_async(reciprocal, 0)
    with pytest.raises(ZeroDivisionError):
        failed.status()
    assert failed.status(throw_except=False)["state"] == "Error"


def test_logs_hold_what_the_call_printed(fexec: FunctionExecutor) -> None:
    def talk(x: int) -> None:
        import sys

        sys.stdout.write(f"out {x}\n")
        sys.stderr.write(f"err {x}\n")

    futures = fexec.map(talk, [1, 2])
    fexec.wait(futures)
    assert [sorted(f.logs.split("\n")) for f in futures] == [["", "err 1", "out 1"], ["", "err 2", "out 2"]]


# --- callbacks


def test_a_callback_is_called_when_the_call_ends(fexec: FunctionExecutor, gate: Gate) -> None:
    called = threading.Event()
    seen: list[ResponseFuture] = []
    future = fexec.call_async(pass_gate, gate.path)
    future.add_done_callback(seen.append)
    future.add_done_callback(lambda f: called.set())
    assert seen == []
    gate.open()
    assert called.wait(DEADLINE_S)  # nobody waits for the result
    assert seen == [future]
    assert seen[0].success


def test_what_cannot_be_called_is_no_callback(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(reciprocal, 2)
    for kind in (future, RetryingFuture(future, 2)):
        with pytest.raises(BadCallError, match="callback must be a function of one future, found 3 of type 'int'"):
            kind.add_done_callback(3)  # type: ignore[arg-type]
    assert future.result() == 0.5


def test_a_callback_is_called_at_once_if_the_call_has_ended(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(reciprocal, 2)
    future.result()
    seen: list[ResponseFuture] = []
    future.add_done_callback(seen.append)
    assert seen == [future]


def test_a_callback_that_raises_is_logged_and_harms_nobody(
    fexec: FunctionExecutor, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil(_: ResponseFuture) -> None:
        raise LookupError("spoilt")

    called = threading.Event()
    future = fexec.call_async(pass_gate, gate.path)
    future.add_done_callback(spoil)
    future.add_done_callback(lambda _: called.set())
    gate.open()
    assert called.wait(DEADLINE_S)
    assert f"a callback of {future!r} failed".split(" ")[:4] == caplog.records[-1].getMessage().split(" ")[:4]
    assert "spoilt" in caplog.text
    assert fexec.call_async(reciprocal, 1).result() == 1


def test_a_callback_that_waits_for_another_call_is_told_and_harms_nobody(
    fexec: FunctionExecutor, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    called = threading.Event()
    future = fexec.call_async(pass_gate, gate.path)
    future.add_done_callback(lambda _: fexec.call_async(reciprocal, 2).result())
    future.add_done_callback(lambda _: called.set())
    gate.open()
    assert called.wait(DEADLINE_S)
    assert "a done-callback waits for another call of its executor" in caplog.text
    assert fexec.call_async(reciprocal, 1).result() == 1


def test_a_callback_may_submit_and_read(fexec: FunctionExecutor) -> None:
    chained: list[ResponseFuture] = []
    called = threading.Event()

    def go_on(future: ResponseFuture) -> None:
        chained.append(fexec.call_async(reciprocal, future.result()))
        called.set()

    fexec.call_async(reciprocal, 4).add_done_callback(go_on)
    assert called.wait(DEADLINE_S)
    assert chained[0].result(timeout=DEADLINE_S) == 4


# --- cancelling


def test_cancelling_a_call_that_waits(lone: FunctionExecutor, gate: Gate) -> None:
    running, waiting, last = lone.map(pass_gate, [gate.path] * 3)
    gate.arrival()
    assert waiting.cancel()
    assert waiting.cancelled()
    assert waiting.state == "Error"
    with pytest.raises(CancelledError, match="the call was cancelled") as caught:
        waiting.result()
    assert isinstance(caught.value, StandardCancelledError)
    assert waiting.stats["state"] == "Cancelled"
    assert not running.ready
    gate.open(2)
    assert running.result(timeout=DEADLINE_S) == last.result(timeout=DEADLINE_S)


def test_cancelling_a_call_that_runs_ends_it_and_no_other(lone: FunctionExecutor, gate: Gate) -> None:
    running, waiting = lone.map(pass_gate, [gate.path] * 2)
    first = gate.arrival()
    assert running.cancel()
    assert isinstance(running.exception(timeout=DEADLINE_S), CancelledError)
    second = gate.arrival()
    assert second != first
    gate.open()
    assert waiting.result(timeout=DEADLINE_S) == second
    assert waiting.stats["attempt"] == 1


def test_a_call_that_has_ended_cannot_be_cancelled(lone: FunctionExecutor) -> None:
    future = lone.call_async(reciprocal, 2)
    future.result()
    assert not future.cancel()
    assert not future.cancelled()
    assert future.result() == 0.5


def test_cancelling_twice_is_harmless(lone: FunctionExecutor, gate: Gate) -> None:
    future = lone.call_async(pass_gate, gate.path)
    gate.arrival()
    assert future.cancel()
    assert not future.cancel()
    assert lone.call_async(reciprocal, 2).result(timeout=DEADLINE_S) == 0.5


def test_cancelling_many_calls_leaves_the_one_that_was_not(lone: FunctionExecutor, gate: Gate) -> None:
    for _ in range(3):  # far more ranges than a worker can tell apart are handed out and taken back
        futures = lone.map(pass_gate, [gate.path] * 1000)
        assert sum(f.cancel() for f in futures[1:]) == 999
        worker = gate.arrival()
        gate.open()
        assert futures[0].result(timeout=DEADLINE_S) == worker
        done, not_done = lone.wait(futures, throw_except=False)
        assert (len(done), not_done) == (1000, [])
