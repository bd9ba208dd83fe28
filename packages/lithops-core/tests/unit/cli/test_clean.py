"""`lithops clean`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import lithops as library

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Install, Lithops, Log


def test_clean_removes_logs_and_says_so(lithops_process: Lithops, log_of: Log, state: Path) -> None:
    log_of("ab12cd-0-M000", 0, b"hello\n")
    log_of("ab12cd-1-M000", 0, b"hello\n")

    outcome = lithops_process("clean")

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "removed logs of executor ab12cd-0\nremoved logs of executor ab12cd-1\n"
    assert not list((state / "logs").iterdir())


def test_clean_says_when_there_is_nothing(lithops: Lithops) -> None:
    assert lithops("clean").out == "nothing to remove\n"


def test_clean_prints_json(lithops: Lithops, log_of: Log) -> None:
    log_of("ab12cd-0-M000", 0, b"hello\n")

    assert json.loads(lithops("clean", "--all", "--json").out) == {
        "removed": ["logs of executor ab12cd-0"],
        "errors": [],
    }


def test_clean_keeps_what_a_running_program_needs(lithops_process: Lithops, state: Path) -> None:
    with library.FunctionExecutor() as fexec:
        future = fexec.call_async(print, "hello")
        future.result()

        assert lithops_process("clean").out == "nothing to remove\n"
        assert future.logs == "hello\n"
    assert lithops_process("clean").out == f"removed logs of executor {fexec.executor_id}\n"


def test_a_plugin_that_cannot_clean_is_named_and_keeps_no_other_from_it(
    lithops: Lithops, install: Install, log_of: Log
) -> None:
    install("hoarder", "plugins", "@hookimpl\ndef clean(self, scope): raise OSError('mine')\n")
    log_of("ab12cd-0-M000", 0, b"hello\n")

    outcome = lithops("clean")

    assert outcome.code == 1
    assert outcome.out == "removed logs of executor ab12cd-0\n"
    assert outcome.err == "error: plugin 'hoarder' of acme-hoarder 1.0 could not clean: OSError: mine\n"


def test_clean_tells_plugins_their_section_and_what_may_go(lithops: Lithops, install: Install, tmp_path: Path) -> None:
    install(
        "tidy",
        "plugins",
        """
        from pydantic import BaseModel as _Base
        class Config(_Base):
            shelf: str
        @hookimpl
        def configure(self, config, executor):
            self.shelf = config.shelf
        @hookimpl
        def clean(self, scope):
            from lithops.types import CleanReport
            return CleanReport(removed=(f"{self.shelf}, everything: {scope.everything}",))
        """,
    )
    path = tmp_path / "config.yaml"
    path.write_text("tidy:\n  shelf: top\n")

    assert lithops("clean", "-c", str(path)).out == "removed top, everything: False\n"
    assert lithops("clean", "-a", "-c", str(path)).out == "removed top, everything: True\n"
