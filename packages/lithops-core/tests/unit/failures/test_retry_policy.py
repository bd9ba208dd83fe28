"""Which errors are tried again, and what a policy refuses to be."""

from __future__ import annotations

import math
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops import RetryPolicy
from lithops.errors import BadCallError, WorkerCrashedError

from .conftest import Odd, nth, raising


@pytest.mark.parametrize(
    "kinds",
    [
        {"on": Odd},
        {"on": OSError},
        {"on": (ValueError, Odd)},
        {"on": "Odd"},
        {"on": f"{Odd.__module__}.Odd"},
        {"on": ["KeyError", "builtins.OSError"]},
        {"unless": ValueError},
        {"on": OSError, "unless": FileNotFoundError},
    ],
)
def test_an_error_that_the_policy_names_is_tried_again(
    one: lithops.FunctionExecutor, tmp_path: Path, kinds: dict[str, Any]
) -> None:
    policy = RetryPolicy(retries=1, first_delay_s=0, **kinds)
    assert one.call_async(raising(Odd(1), tmp_path / "tries"), 0, retries=policy).result() == 2


@pytest.mark.parametrize(
    "kinds",
    [
        {"on": ValueError},
        {"on": FileNotFoundError},
        {"on": ()},
        {"on": "dd"},
        {"unless": Odd},
        {"unless": "OSError"},
        {"on": Odd, "unless": OSError},
    ],
)
def test_an_error_that_the_policy_does_not_name_is_final(
    one: lithops.FunctionExecutor, tmp_path: Path, kinds: dict[str, Any]
) -> None:
    policy = RetryPolicy(retries=1, first_delay_s=0, **kinds)
    future = one.call_async(raising(Odd(1), tmp_path / "tries"), 0, retries=policy)
    assert isinstance(future.exception(), Odd)
    assert len(future.attempts) == 1


@pytest.mark.parametrize("kind", ["only_there.Strange", "Strange", OSError])
def test_a_class_that_only_the_worker_has_is_known_by_its_name_and_by_its_bases(
    one: lithops.FunctionExecutor, tmp_path: Path, kind: object
) -> None:
    (tmp_path / "only_there.py").write_text("class Strange(ConnectionError): pass\n")

    def work(_x: int) -> int:
        sys.path.insert(0, str(tmp_path))
        import only_there  # type: ignore[import-not-found]

        if (n := nth(tmp_path / "tries")) == 1:
            raise only_there.Strange("odd")
        return n

    policy = RetryPolicy(retries=1, on=kind)  # type: ignore[arg-type]
    future = one.call_async(work, 0, retries=policy, exclude_modules=["only_there"])
    assert future.result() == 2
    assert str(future.attempts[0].error) == "only_there.Strange: odd"


def test_a_namesake_is_another_class(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    namesake = type("TimeoutError", (Exception,), {"__module__": "__main__"})
    policy = RetryPolicy(retries=1, on=TimeoutError)
    future = one.call_async(raising(namesake(), tmp_path / "tries"), 0, retries=policy)
    assert future.exception() is not None
    assert len(future.attempts) == 1


def test_what_the_library_says_of_a_call_can_be_named_too(one: lithops.FunctionExecutor, tmp_path: Path) -> None:
    def leave(_x: int) -> int:
        if (n := nth(tmp_path / "tries")) == 1:
            os._exit(1)
        return n

    assert one.call_async(leave, 0, retries=RetryPolicy(retries=1, on=WorkerCrashedError)).result() == 2
    (tmp_path / "tries").unlink()
    policy = RetryPolicy(retries=1, on=TimeoutError)
    assert isinstance(one.call_async(leave, 0, retries=policy).exception(), WorkerCrashedError)


def test_a_policy_may_name_classes_that_cannot_be_pickled_and_futures_still_travel(
    one: lithops.FunctionExecutor,
) -> None:
    class Local(Exception):
        pass

    future = one.call_async(abs, -1, retries=RetryPolicy(retries=2, on=Local))
    future.result()
    assert pickle.loads(pickle.dumps(future)).result() == 1


# --- values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retries": -1}, "retries must be a whole number from 0 up, found -1"),
        ({"retries": 1.5}, "retries must be a whole number from 0 up, found 1.5"),
        ({"on": int}, "'on' takes classes of exceptions or their names, found <class 'int'>"),
        ({"on": ""}, "'on' takes classes of exceptions or their names, found ''"),
        ({"on": 404}, "'on' takes classes of exceptions or their names, found 404"),
        ({"unless": [OSError, None]}, "'unless' takes classes of exceptions or their names, found None"),
        ({"first_delay_s": -1}, "first_delay_s must be a number of seconds from 0 up, found -1"),
        ({"first_delay_s": True}, "first_delay_s must be a number of seconds from 0 up, found True"),
        ({"longest_delay_s": math.inf}, "longest_delay_s must be a number of seconds from 0 up, found inf"),
        ({"longest_delay_s": math.nan}, "longest_delay_s must be a number of seconds from 0 up, found nan"),
        ({"longest_delay_s": 10**400}, f"longest_delay_s must be a number of seconds from 0 up, found {10**400}"),
    ],
)
def test_a_senseless_policy_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCallError) as caught:
        RetryPolicy(**{"retries": 1, **values})
    assert str(caught.value) == message


def test_pauses_double_up_to_the_longest_and_are_drawn_by_lot() -> None:
    policy = RetryPolicy(retries=9, first_delay_s=1, longest_delay_s=5)
    assert [policy.delay_s(failures, 1.0) for failures in (1, 2, 3, 4, 10_000)] == [1, 2, 4, 5, 5]
    assert [policy.delay_s(3, luck) for luck in (0.0, 0.25)] == [0, 1]


def test_a_policy_shows_what_it_says_and_can_be_compared_and_pickled() -> None:
    policy = RetryPolicy(retries=3, on=(OSError, "acme.Throttled"), unless=FileNotFoundError)
    assert repr(policy) == (
        "RetryPolicy(retries=3, on=('builtins.OSError', 'acme.Throttled'), unless=('builtins.FileNotFoundError',), "
        "first_delay_s=0.1, longest_delay_s=30.0)"
    )
    assert pickle.loads(pickle.dumps(policy)) == policy != RetryPolicy(retries=3)
