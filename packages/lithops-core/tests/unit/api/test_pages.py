"""The programs in docs/executors.md, docs/futures.md, docs/migrating.md and others print what the pages say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops import AsyncFunctionExecutor, FunctionExecutor
from lithops.future import ResponseFuture

if TYPE_CHECKING:
    from .conftest import Program

DOCS = next(
    folder for parent in Path(__file__).resolve().parents if (folder := parent / "docs" / "futures.md").exists()
)
PAGES = {
    name: DOCS.with_name(f"{name}.md").read_text(encoding="utf-8")
    for name in ("executors", "futures", "streaming", "asyncio", "migrating", "retries", "concurrent_futures", "joblib")
}


@pytest.mark.parametrize("page", PAGES)
def test_programs_print_what_the_page_says(page: str, run_program: Program) -> None:
    blocks = re.findall(r"^```(python|text)\n(.*?)^```", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    program = "\n".join(text for kind, text in blocks if kind == "python")
    done = run_program(program)
    assert done.stdout == "".join(text for kind, text in blocks if kind == "text")
    assert done.stderr == ""


def test_every_method_of_a_future_is_told_of() -> None:
    named = set(re.findall(r"`(\w+)(?:\(.*?\))?`", PAGES["futures"]))
    public = {name for name in vars(ResponseFuture) if not name.startswith("_")}
    assert public - named <= {"State", "index", "new", "invoked", "running", "futures"}


def test_every_method_of_an_executor_is_told_of() -> None:
    named = set(re.findall(r"`(\w+)(?:\(.*?\))?`", PAGES["executors"]))
    assert {name for name in vars(FunctionExecutor) if not name.startswith("_")} <= named


def test_every_method_of_the_executor_for_asyncio_is_told_of() -> None:
    named = set(re.findall(r"`(?:await |async for \w+ in )?(\w+)(?:\(.*?\))?`", PAGES["asyncio"]))
    assert {name for name in vars(AsyncFunctionExecutor) if not name.startswith("_")} <= named


def test_every_option_of_imap_is_told_of() -> None:
    named = set(re.findall(r"`(\w+)`", PAGES["streaming"]))
    options = set(inspect.signature(FunctionExecutor.imap).parameters) - {"self", "map_function", "iterable"}
    assert options <= named


def test_every_key_of_the_stats_is_told_of() -> None:
    with FunctionExecutor(worker_processes=1) as fexec:
        future = fexec.call_async(dict, ())
        fexec.wait(future)
        assert {key for key in future.stats if f"`{key}`" not in PAGES["futures"]} == set()
