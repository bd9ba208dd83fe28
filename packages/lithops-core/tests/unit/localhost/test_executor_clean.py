"""What an executor's `clean` does to its own logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lithops

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def folders(state: Path) -> list[Path]:
    return list((state / "logs").iterdir())


def test_logs_can_be_read_until_the_executor_closes(state: Path) -> None:
    with lithops.FunctionExecutor() as fexec:
        future = fexec.call_async(print, "hello")
        future.result()
        fexec.clean()
        assert future.logs == "hello\n"

    assert folders(state) == []


def test_a_job_that_follows_keeps_the_logs(state: Path) -> None:
    with lithops.FunctionExecutor() as fexec:
        fexec.call_async(print, "hello").result()
        fexec.clean()
        future = fexec.call_async(print, "again")
        future.result()

    assert future.logs == "again\n"
    assert len(folders(state)) == 1


def test_an_executor_whose_calls_were_silent_leaves_no_folder(state: Path) -> None:
    with lithops.FunctionExecutor() as fexec:
        fexec.call_async(abs, -1).result()

    assert folders(state) == []
