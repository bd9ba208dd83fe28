"""What a job may be told: retries, timeouts, environment, granularity, modules."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lithops import FunctionExecutor
from lithops.errors import BadCallError, CallTimeoutError, MemoryLimitError
from lithops.jobs.retry import RetryPolicy

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate


def fail_until(path: str, attempts: int) -> int:
    """Fail until this was called so often; return how often."""
    with Path(path).open("a+") as file:
        file.write("x")
        file.flush()
        file.seek(0)
        tries = len(file.read())
    if tries < attempts:
        raise ConnectionError(f"attempt {tries}")
    return tries


def environment(name: str) -> str | None:
    import os

    return os.environ.get(name)


# --- retries


def test_a_call_that_raises_is_tried_again_as_often_as_said(lone: FunctionExecutor, tmp_path: Path) -> None:
    future = lone.call_async(fail_until, (str(tmp_path / "tries"), 3), retries=2)
    assert future.result(timeout=DEADLINE_S) == 3
    assert future.stats["attempt"] == 3


def test_after_the_last_retry_the_last_error_counts(lone: FunctionExecutor, tmp_path: Path) -> None:
    future = lone.call_async(fail_until, (str(tmp_path / "tries"), 9), retries=2)
    with pytest.raises(ConnectionError, match="attempt 3"):
        future.result(timeout=DEADLINE_S)
    assert future.stats["attempt"] == 3


def test_without_retries_an_error_is_final(lone: FunctionExecutor, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="attempt 1"):
        lone.call_async(fail_until, (str(tmp_path / "tries"), 2)).result()


def test_only_the_calls_that_fail_are_tried_again(lone: FunctionExecutor, tmp_path: Path) -> None:
    items = [(str(tmp_path / str(n)), 2 if n == 1 else 1) for n in range(4)]
    futures = lone.map(fail_until, items, retries=3)
    assert futures.get_result(timeout=DEADLINE_S) == [1, 2, 1, 1]
    assert [f.stats["attempt"] for f in futures] == [1, 2, 1, 1]


def test_retries_may_be_configured(tmp_path: Path) -> None:
    with FunctionExecutor(config={"lithops": {"retries": 1}}, worker_processes=1) as fexec:
        assert fexec.call_async(fail_until, (str(tmp_path / "tries"), 2)).result(timeout=DEADLINE_S) == 2
        with pytest.raises(ConnectionError):
            fexec.call_async(fail_until, (str(tmp_path / "more"), 2), retries=0).result(timeout=DEADLINE_S)


def test_pauses_between_attempts_double_and_are_drawn_by_lot() -> None:
    policy = RetryPolicy(retries=9)
    assert [policy.delay_s(attempt, 1.0) for attempt in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.4])
    assert policy.delay_s(40, 1.0) == 30.0
    assert policy.delay_s(3, 0.0) == 0.0
    assert policy.delay_s(3, 0.5) == pytest.approx(0.2)


def test_closing_ends_a_call_that_pauses_before_its_next_attempt(tmp_path: Path) -> None:
    fexec = FunctionExecutor(worker_processes=1)
    path = tmp_path / "tries"
    policy = RetryPolicy(retries=20_000, first_delay_s=1e6, longest_delay_s=1e6)
    future = fexec.call_async(fail_until, (str(path), 10_000), retries=policy)
    while not future.attempts:
        assert not fexec.wait(future, timeout=0.01)[0]
    fexec.close()
    assert future.cancelled()


# --- timeouts


def test_a_call_that_takes_too_long_is_ended(lone: FunctionExecutor, gate: Gate) -> None:
    begin = time.monotonic()
    future = lone.call_async(pass_gate, gate.path, timeout=0.1)
    with pytest.raises(CallTimeoutError, match=r"timeout of 0\.1 s") as caught:
        future.result(timeout=DEADLINE_S)
    assert isinstance(caught.value, TimeoutError)
    assert 0.1 <= time.monotonic() - begin < DEADLINE_S
    assert future.execution_timeout == 0.1
    assert lone.call_async(abs, -1).result(timeout=DEADLINE_S) == 1


def test_the_timeout_holds_for_each_call_and_not_for_the_job(lone: FunctionExecutor) -> None:
    def pause(seconds: float) -> float:
        import select

        select.select([], [], [], seconds)
        return seconds

    assert lone.map(pause, [0.4] * 8, timeout=3).get_result(timeout=DEADLINE_S) == [0.4] * 8


@pytest.mark.parametrize("timeout", [1e7, 1e12, 1e300])
def test_a_timeout_may_be_longer_than_a_system_call_can_wait(lone: FunctionExecutor, timeout: float) -> None:
    def pause() -> bool:
        import select

        select.select([], [], [], 0.05)
        return True

    assert lone.call_async(pause, (), timeout=timeout).result()
    assert lone.call_async(pause, ()).result(timeout=timeout)


def test_the_timeout_may_be_configured() -> None:
    with FunctionExecutor(config={"lithops": {"execution_timeout": 77}}, worker_processes=1) as fexec:
        assert fexec.call_async(abs, -1).execution_timeout == 77
        assert fexec.call_async(abs, -1, timeout=5).execution_timeout == 5


# --- environment


def test_extra_env_is_there_for_the_job_and_gone_afterwards(lone: FunctionExecutor) -> None:
    assert lone.call_async(environment, "COLOUR", extra_env={"COLOUR": "blue"}).result() == "blue"
    assert lone.map(environment, ["COLOUR"], extra_env={"COLOUR": "red"}).get_result() == ["red"]
    assert lone.call_async(environment, "COLOUR").result() is None


def test_extra_env_may_shadow_what_is_there(lone: FunctionExecutor) -> None:
    assert lone.call_async(environment, "HOME", extra_env={"HOME": "/elsewhere"}).result() == "/elsewhere"
    assert lone.call_async(environment, "HOME").result() == environment("HOME")


@pytest.mark.parametrize(("value", "text"), [(True, "True"), (3, "3"), (2.5, "2.5")])
def test_numbers_in_extra_env_become_text(lone: FunctionExecutor, value: Any, text: str) -> None:
    assert lone.call_async(environment, "N", extra_env={"N": value}).result() == text


@pytest.mark.parametrize(
    ("extra_env", "message"),
    [
        (["A"], r"extra_env must be a dict of names and values, found \['A'\] of type 'list'"),
        ({"A=B": "1"}, "extra_env has the name 'A=B'; it must be text without '='"),
        ({"": "1"}, "extra_env has the name ''"),
        ({7: "1"}, "extra_env has the name 7"),
        ({"A": None}, r"extra_env\['A'\] must be text, found None of type 'NoneType'; write it as text"),
        ({"A": "1\0"}, r"extra_env\['A'\] is '1\\x00', which the system cannot hold"),
        ({"A": "\ud800"}, r"extra_env\['A'\] is '\\ud800', which the system cannot hold"),
    ],
)
def test_an_environment_that_cannot_be_is_refused_at_once(lone: FunctionExecutor, extra_env: Any, message: str) -> None:
    for submit in (lone.call_async, lone.map):
        with pytest.raises(BadCallError, match=message):
            submit(abs, 1, extra_env=extra_env)
    with pytest.raises(BadCallError, match=message):
        lone.map_reduce(abs, [1], sum, extra_env=extra_env)
    assert lone.call_async(abs, -1).result(timeout=DEADLINE_S) == 1


# --- granularity


@pytest.mark.parametrize("chunksize", [1, 3, 100])
def test_chunksize_changes_nothing_but_the_hand_over(fexec: FunctionExecutor, chunksize: int) -> None:
    assert fexec.map(abs, range(50), chunksize=chunksize).get_result() == list(range(50))


def test_chunksize_is_what_a_worker_gets_at_once(fexec: FunctionExecutor, gate: Gate) -> None:
    futures = fexec.map(pass_gate, [gate.path] * 2, chunksize=1)
    assert gate.arrival() != gate.arrival()
    gate.open(2)
    futures.wait()


def test_as_many_calls_run_at_once_as_there_are_worker_processes(tmp_path: Path, gate: Gate) -> None:
    with FunctionExecutor(worker_processes=3) as fexec:
        futures = fexec.map(pass_gate, [gate.path] * 6)
        assert len({gate.arrival() for _ in range(3)}) == 3
        done, not_done = fexec.wait(futures, timeout=0)
        assert (done, len(not_done)) == ([], 6)
        gate.open(6)
        assert len(set(futures.get_result(timeout=DEADLINE_S))) <= 3


def test_runtime_memory_is_a_limit_of_each_worker() -> None:
    with FunctionExecutor(worker_processes=1, runtime_memory=256) as fexec:
        future = fexec.call_async(lambda n: len(bytearray(n)), 600 << 20)
        with pytest.raises(MemoryLimitError, match="256 MB"):
            future.result(timeout=DEADLINE_S)
        assert future.runtime_memory == 256
        assert fexec.call_async(abs, -1, runtime_memory=256).result(timeout=DEADLINE_S) == 1


def test_a_memory_limit_for_one_job_only_is_refused(lone: FunctionExecutor) -> None:
    message = r"runtime_memory=512 differs from the executor's \(None\); .* pass it to the executor"
    with pytest.raises(BadCallError, match=message):
        lone.call_async(abs, -1, runtime_memory=512)
    with pytest.raises(BadCallError, match=message):
        lone.map(abs, [-1], runtime_memory=512)
    with pytest.raises(BadCallError, match=message):
        lone.map_reduce(abs, [-1], sum, reduce_runtime_memory=512)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "timeout must be a number of seconds above 0, found 0"),
        ({"timeout": -2.5}, "timeout must be a number of seconds above 0, found -2.5"),
        ({"timeout": "5"}, "timeout must be a number of seconds above 0, found '5'"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds above 0, found nan"),
        ({"retries": -1}, "retries must be a whole number from 0 up, found -1"),
        ({"retries": 1.5}, "retries must be a whole number from 0 up, found 1.5"),
        ({"chunksize": 0}, "chunksize must be a whole number from 1 up, found 0"),
        ({"chunksize": "many"}, "chunksize must be a whole number from 1 up, found 'many'"),
        ({"include_modules": "numpy"}, r"modules are named in a list, found the text 'numpy'; write \['numpy'\]"),
        ({"exclude_modules": "numpy"}, r"modules are named in a list, found the text 'numpy'"),
        ({"extra_args": 5}, r"extra_args must be a tuple or a dict, found 5 of type 'int'; write \(5,\)"),
        ({"obj_chunk_size": 100}, "obj_chunk_size, obj_chunk_number and obj_reduce_by_key cut stored objects"),
        ({"obj_chunk_number": 2}, "pass items that say which part to read"),
    ],
)
def test_a_senseless_option_is_refused_at_once(lone: FunctionExecutor, options: dict[str, Any], message: str) -> None:
    before = len(lone.futures)
    with pytest.raises(BadCallError, match=message):
        lone.map(abs, [1], **options)
    with pytest.raises(BadCallError, match=message):
        lone.map_reduce(abs, [1], sum, **options)
    assert len(lone.futures) == before
