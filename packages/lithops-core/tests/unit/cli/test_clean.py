"""`lithops clean`."""

from __future__ import annotations

import json
import os
import pickle
import threading
from typing import TYPE_CHECKING

import pytest

import lithops as library
from lithops.errors import ObjectNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lithops import Storage

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


# --- results that pending futures were promised


def promise(fexec: library.FunctionExecutor, folder: Path) -> list[str]:
    """Let a future travel that has not ended, have its call end, and return where its result is."""
    fifo = folder / f"gate-{fexec.executor_id}-{fexec.total_jobs}"
    os.mkfifo(fifo)
    future = fexec.call_async(lambda path: path.read_bytes(), (fifo,))
    pickle.dumps(future)
    put = threading.Event()
    future.add_done_callback(lambda _: put.set())  # called after the one that puts the result into storage
    fifo.write_bytes(b"!")
    assert future.result() == b"!"
    assert put.wait(30)
    return list(keys(fexec.storage, f"lithops.jobs/{fexec.executor_id}-"))


def keys(storage: Storage, prefix: str) -> Iterator[str]:
    yield from storage.list_keys(storage.bucket, prefix=prefix)


def test_clean_removes_what_was_promised_by_executors_that_have_ended(
    lithops_process: Lithops, state: Path, tmp_path: Path
) -> None:
    with library.FunctionExecutor(worker_processes=1) as fexec:
        promise(fexec, tmp_path)
        assert len(promise(fexec, tmp_path)) == 2

        assert lithops_process("clean").out == "nothing to remove\n"
        assert len(list(keys(fexec.storage, "lithops.jobs/"))) == 2

    outcome = lithops_process("clean")
    assert outcome.out == f"removed what executor {fexec.executor_id} left in storage (2 objects)\n"
    assert list(keys(fexec.storage, "lithops.jobs/")) == []
    assert list((state / "executors").iterdir()) == []
    assert lithops_process("clean").out == "nothing to remove\n"


def test_clean_leaves_alone_what_it_has_no_note_of(lithops_process: Lithops, tmp_path: Path) -> None:
    with library.FunctionExecutor(worker_processes=1) as fexec:
        (mine,) = promise(fexec, tmp_path)
        storage = fexec.storage
        others = mine.replace(fexec.executor_id, "ab12cd-7"), f"lithops.jobs/{fexec.executor_id}9/data"
        for other in others:
            storage.put_object(storage.bucket, other, b"somebody else's")

    lithops_process("clean")

    assert sorted(keys(storage, "lithops.jobs/")) == sorted(others)


def test_clean_finds_promises_in_a_store_that_is_not_the_configured_one(
    lithops_process: Lithops, tmp_path: Path
) -> None:
    config = {"localhost": {"root": str(tmp_path / "elsewhere"), "storage_bucket": "mine"}}
    with library.FunctionExecutor(config=config, worker_processes=1) as fexec:
        (key,) = promise(fexec, tmp_path)

    assert lithops_process("clean").out == f"removed what executor {fexec.executor_id} left in storage (1 object)\n"
    with pytest.raises(ObjectNotFound):
        fexec.storage.head_object("mine", key)


def test_clean_says_what_it_cannot_make_out_and_goes_on(
    lithops: Lithops, lithops_process: Lithops, state: Path, tmp_path: Path
) -> None:
    with library.FunctionExecutor(worker_processes=1) as fexec:
        promise(fexec, tmp_path)
    note = state / "executors" / "00-broken"
    note.write_text("garbage")

    outcome = lithops_process("clean")

    assert outcome.code == 1
    assert outcome.out == f"removed what executor {fexec.executor_id} left in storage (1 object)\n"
    assert outcome.err == (
        f"error: what executor 00-broken left in storage could not clean: {str(note)!r} cannot be read; remove it\n"
    )
