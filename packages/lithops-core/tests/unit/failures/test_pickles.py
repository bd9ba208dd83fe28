"""What cannot be pickled or unpickled, and what is large."""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

import lithops
from lithops.errors import (
    BadCallError,
    CallTimeoutError,
    FunctionLoadError,
    RemoteError,
    ResultPickleError,
    WorkerCrashedError,
)

Make = Callable[..., lithops.FunctionExecutor]


def double(x: int) -> int:
    return 2 * x


# --- exceptions


class Unpicklable(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


class TwoArguments(Exception):
    """Pickles, but cannot be made again from its `args`."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"{number}: {reason}")


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_that_cannot_be_pickled_arrives_as_text(one: lithops.FunctionExecutor) -> None:
    def fail(_x: int) -> NoReturn:
        raise Unpicklable("the reason")

    with pytest.raises(RemoteError) as caught:
        one.call_async(fail, 0).result()
    assert caught.value.type_name.endswith("Unpicklable")
    assert caught.value.message == "the reason"
    assert str(caught.value).endswith("Unpicklable: the reason")
    assert "in fail" in caught.value.traceback_text


def test_an_exception_that_cannot_be_unpickled_arrives_as_text(one: lithops.FunctionExecutor) -> None:
    def fail(_x: int) -> NoReturn:
        raise TwoArguments(3, "three")

    with pytest.raises(RemoteError, match=r"TwoArguments: 3: three$"):
        one.call_async(fail, 0).result()


def test_an_exception_whose_class_is_found_only_in_the_worker_arrives_as_text(one: lithops.FunctionExecutor) -> None:
    def fail(_x: int) -> NoReturn:
        module = types.ModuleType("only_there")
        exec("class Strange(Exception): pass", module.__dict__)
        sys.modules["only_there"] = module
        module.Strange.__module__ = "only_there"
        raise module.Strange("from afar")

    error = one.call_async(fail, 0).exception()
    assert type(error) is RemoteError
    assert str(error) == "only_there.Strange: from afar"
    assert "from afar" in str(error.__cause__)


def test_an_exception_of_a_class_made_in_the_function_arrives_with_its_attributes(
    one: lithops.FunctionExecutor,
) -> None:
    def fail(_x: int) -> NoReturn:
        class Local(ValueError):
            pass

        error = Local("mine")
        error.code = 7  # type: ignore[attr-defined]
        raise error

    error = one.call_async(fail, 0).exception()
    assert isinstance(error, ValueError)
    assert type(error).__name__ == "Local"
    assert error.code == 7  # type: ignore[attr-defined]


def test_an_exception_without_words_is_reported_all_the_same(one: lithops.FunctionExecutor) -> None:
    def fail(_x: int) -> NoReturn:
        raise Silent

    error = one.call_async(fail, 0).exception()
    assert error is not None
    assert type(error).__name__ == "Silent"
    assert "in fail" in str(error.__cause__)


def test_the_causes_of_an_exception_arrive_with_it(one: lithops.FunctionExecutor) -> None:
    def fail(_x: int) -> NoReturn:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    error = one.call_async(fail, 0).exception()
    assert isinstance(error, ValueError)
    inner = error.__cause__
    assert isinstance(inner, KeyError)
    assert "in fail" in str(inner.__cause__)


def test_the_remote_traceback_shows_where_the_error_was_raised(one: lithops.FunctionExecutor) -> None:
    def fail(_x: int) -> NoReturn:
        raise ValueError("the line is shown")

    error = one.call_async(fail, 0).exception()
    assert error is not None
    told = str(error.__cause__)
    assert f'File "{__file__}", line {fail.__code__.co_firstlineno + 1}, in fail' in told
    assert 'raise ValueError("the line is shown")' in told


# --- results


def test_a_result_that_cannot_be_pickled_is_named(one: lithops.FunctionExecutor) -> None:
    with pytest.raises(ResultPickleError) as caught:
        one.call_async(lambda x: threading.Lock(), 0).result()
    assert str(caught.value) == (
        "the call succeeded but its result of type 'lock' cannot be pickled: cannot pickle '_thread.lock' object"
    )
    assert one.call_async(double, 1).result() == 2


def test_a_result_that_wants_to_end_the_program_when_it_is_pickled_fails_its_call_alone(
    one: lithops.FunctionExecutor,
) -> None:
    class Quitter:
        def __reduce__(self) -> NoReturn:
            raise SystemExit(3)

    with pytest.raises(ResultPickleError, match="cannot be pickled: 3"):
        one.call_async(lambda x: Quitter(), 0).result()
    assert one.call_async(double, 1).result() == 2


def test_a_result_that_crashes_when_it_is_pickled_fails_its_call_alone(one: lithops.FunctionExecutor) -> None:
    class Bomb:
        def __reduce__(self) -> NoReturn:
            os._exit(5)

    results = one.get_result(one.map(lambda x: Bomb() if x == 3 else x, range(6)), throw_except=False)
    assert isinstance(results[3], WorkerCrashedError)
    assert results[:3] + results[4:] == [0, 1, 2, 4, 5]


def test_a_result_that_cannot_be_unpickled_fails_its_call_alone(one: lithops.FunctionExecutor) -> None:
    class Stale:
        def __reduce__(self) -> tuple[Any, ...]:
            return int, ("no number",)

    futures = one.map(lambda x: Stale() if x == 1 else x, range(3))
    assert futures[0].result() == 0
    with pytest.raises(ValueError, match="no number"):
        futures[1].result()
    assert futures[2].result() == 2


@pytest.mark.parametrize("kind", ["bytes", "array"])
def test_a_result_of_200_megabytes_arrives_whole(one: lithops.FunctionExecutor, kind: str) -> None:
    size = 200_000_000

    def make_bytes(_x: int) -> bytes:
        return b"ab" * (size // 2)

    def make_array(_x: int) -> Any:
        return np.full(size, 7, dtype=np.uint8)

    result = one.call_async(make_bytes if kind == "bytes" else make_array, 0).result()
    assert len(result) == size
    if kind == "bytes":
        assert type(result) is bytes
        assert result[:2] + result[-2:] == b"abab"
    else:
        assert result[0] == result[-1] == 7
        result[0] = 8  # it is the caller's own


def test_an_argument_of_200_megabytes_arrives_whole(one: lithops.FunctionExecutor) -> None:
    data = np.full(200_000_000, 3, dtype=np.uint8)
    assert one.call_async(lambda a: (len(a), int(a[0]), int(a[-1])), data).result() == (200_000_000, 3, 3)


# --- arguments and functions


def test_an_argument_that_cannot_be_pickled_fails_at_submission_and_is_named(one: lithops.FunctionExecutor) -> None:
    with pytest.raises(BadCallError, match=r"^the data of item 1 of 'double' .* cannot be pickled: .*'_thread\.lock'"):
        one.map(double, [1, threading.Lock(), 3])
    with pytest.raises(BadCallError, match=r"^the data of 'double' .* cannot be pickled: its value of key 'x' is of"):
        one.call_async(double, {"x": threading.Lock()})
    assert one.call_async(double, 1).result() == 2


class Fussy:
    """Refuses to be loaded where it was not made, in one of several ways."""

    def __init__(self, name: str, home: int, how: str = "") -> None:
        self.name, self.home, self.how = name, home, how

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.how and os.getpid() != self.home:
            if self.how == "raise":
                raise ValueError(f"{self.name} stays at home")
            if self.how == "exit":
                os._exit(9)
            if self.how == "segfault":
                import ctypes

                ctypes.string_at(0)
            while True:
                pass


def items(how: str, bad: tuple[int, ...], count: int = 12) -> list[Fussy]:
    return [Fussy(f"item {k}", os.getpid(), how if k in bad else "") for k in range(count)]


def name_of(item: Fussy) -> str:
    return item.name


@pytest.mark.parametrize("bad", [(0,), (5,), (4, 5), (0, 11)])
@pytest.mark.parametrize("chunksize", [None, 12])
def test_an_argument_that_cannot_be_loaded_fails_its_call_alone(
    executor: lithops.FunctionExecutor, bad: tuple[int, ...], chunksize: int | None
) -> None:
    results = executor.get_result(executor.map(name_of, items("raise", bad), chunksize=chunksize), throw_except=False)
    for k, result in enumerate(results):
        if k in bad:
            assert isinstance(result, FunctionLoadError)
            assert str(result).startswith(f"a worker cannot load the argument: ValueError: item {k} stays at home; ")
        else:
            assert result == f"item {k}"


@pytest.mark.parametrize("how", ["exit", "segfault"])
@pytest.mark.parametrize("bad", [(5,), (3, 8), (11,)])
def test_an_argument_that_takes_the_worker_down_when_it_is_loaded_fails_its_call_alone(
    executor: lithops.FunctionExecutor, how: str, bad: tuple[int, ...]
) -> None:
    results = executor.get_result(executor.map(name_of, items(how, bad)), throw_except=False)
    for k, result in enumerate(results):
        if k in bad:
            assert isinstance(result, WorkerCrashedError)
            how_it_ended = "exit code 9" if how == "exit" else "SIGSEGV"
            assert how_it_ended in str(result) or "ended when it loaded the argument" in str(result)
        else:
            assert result == f"item {k}"


def test_what_shares_a_part_with_an_argument_that_takes_the_worker_down_is_told_so(
    executor: lithops.FunctionExecutor,
) -> None:
    first, *others = executor.get_result(executor.map(name_of, items("exit", (0,))), throw_except=False)
    assert isinstance(first, WorkerCrashedError)
    for error in others:  # the class of all items is in the pickle of the first
        assert isinstance(error, FunctionLoadError)
        assert "it shares a part with another item that cannot be loaded" in str(error)


def test_an_argument_that_never_ends_to_load_fails_its_call_at_the_timeout(executor: lithops.FunctionExecutor) -> None:
    results = executor.get_result(executor.map(name_of, items("loop", (5,)), timeout=0.2), throw_except=False)
    error = results.pop(5)
    # The second, if a worker that wanted a later item came to it first.
    assert isinstance(error, CallTimeoutError) or "ended when it loaded the argument" in str(error)
    assert results == [f"item {k}" for k in range(12) if k != 5]


def function_with(how: str) -> Callable[[int], str]:
    baggage = Fussy("baggage", os.getpid(), how)
    return lambda x: f"{x}{baggage.name}"


@pytest.mark.parametrize("how", ["raise", "exit", "loop"])
def test_a_function_that_cannot_be_loaded_fails_its_calls_and_no_others(
    executor: lithops.FunctionExecutor, how: str
) -> None:
    good = executor.map(double, range(10))
    bad = executor.map(function_with(how), range(100), timeout=0.2)
    kind = {"raise": FunctionLoadError, "exit": WorkerCrashedError, "loop": CallTimeoutError}[how]
    assert {type(r) for r in executor.get_result(bad, throw_except=False)} == {kind}
    assert executor.get_result(good) == list(range(0, 20, 2))
    assert executor.get_result(executor.map(double, range(10))) == list(range(0, 20, 2))


def test_a_module_that_is_missing_in_the_worker_is_named(
    one: lithops.FunctionExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "came_late.py").write_text("def work(x):\n    return x\n")
    one.call_async(double, 1).result()  # the worker runs already, with the path as it was
    monkeypatch.syspath_prepend(str(folder))
    import came_late  # type: ignore[import-not-found]

    monkeypatch.setitem(sys.modules, "came_late", came_late)
    with pytest.raises(FunctionLoadError) as caught:
        one.call_async(came_late.work, 1, exclude_modules=["came_late"]).result()
    assert str(caught.value) == (
        "a worker cannot load the function: ModuleNotFoundError: No module named 'came_late'; "
        "is the module it needs installed where the call runs?"
    )


def test_more_large_results_than_the_driver_may_have_open_files_are_kept(executor: lithops.FunctionExecutor) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
    try:
        results = executor.get_result(executor.map(lambda x: np.full(70_000, x % 200, dtype=np.uint8), range(400)))
        assert [int(r[-1]) for r in results] == [x % 200 for x in range(400)]
        again = executor.get_result(executor.map(lambda a: int(a[0]), [*results, *results]))
        assert again == [x % 200 for x in range(400)] * 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
