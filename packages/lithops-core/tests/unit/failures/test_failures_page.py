"""What docs/failures.md shows is what happens."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import lithops
from lithops import errors

Make = Callable[..., lithops.FunctionExecutor]
PAGE = next(
    (page for folder in Path(__file__).parents if (page := folder / "docs" / "failures.md").is_file()), Path("missing")
)


@pytest.fixture
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_example_runs(text: str) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(example, {"__name__": "__main__"})


def test_errors_that_are_named_exist(text: str) -> None:
    named = set(re.findall(r"`(\w+Error)`", text)) - {"RecursionError"}
    assert named
    assert all(hasattr(errors, name) for name in named)


def spin() -> None:
    while True:
        pass


@pytest.mark.needs("linux")
def test_quoted_messages_are_those_that_are_raised(make: Make, text: str) -> None:
    quoted = [block.strip() for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL)]
    executor = make(1, runtime_memory=300)
    calls: list[tuple[Callable[[int], object], float]] = [
        (lambda x: os._exit(3), 60),
        (lambda x: os.kill(os.getpid(), signal.SIGKILL), 60),
        (lambda x: spin(), 0.2),
        (lambda x: bytearray(1 << 30), 60),
    ]
    assert [str(executor.call_async(call, 0, timeout=s).exception()) for call, s in calls] == quoted
