"""Folders of logs: who may remove them, and what is found in them."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lithops.localhost import log_folder
from lithops.localhost.call_logs import job_logs
from lithops.localhost.log_folder import LogFolder, clean_logs, executor_of, open_log_folder
from lithops.types import CleanScope, ExecutorInfo
from lithops.worker import call_index

EVERYTHING = CleanScope()


def executor(state: Path, executor_id: str = "ab12cd-0") -> ExecutorInfo:
    return ExecutorInfo(
        executor_id=executor_id, mode="localhost", backend="localhost", storage="localhost", state_dir=str(state)
    )


def opened(state: Path, executor_id: str = "ab12cd-0") -> LogFolder:
    folder = open_log_folder(executor(state, executor_id))
    assert folder is not None
    return folder


def left_by_others(state: Path, *names: str) -> None:
    for name in names:
        (state / "logs" / name).mkdir(parents=True)


def names(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "logs").iterdir())


def test_folder_is_private(tmp_path: Path) -> None:
    folder = opened(tmp_path)

    assert Path(folder.path).stat().st_mode & 0o777 == 0o700
    assert Path(folder.path).parent.stat().st_mode & 0o777 == 0o700
    folder.close()


def test_closing_leaves_no_empty_folder_and_is_harmless_when_repeated(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.close()
    folder.close()

    assert names(tmp_path) == []


def test_closing_keeps_a_folder_with_logs(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    Path(folder.path, "worker-0-1.log").write_text("x")
    folder.close()

    assert os.listdir(folder.path) == ["worker-0-1.log"]


def test_an_unwanted_folder_is_removed_when_it_is_closed(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    Path(folder.path, "worker-0-1.log").write_text("x")
    folder.unwanted = True
    folder.close()

    assert names(tmp_path) == []


def test_the_folder_of_a_running_executor_is_kept(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    left_by_others(tmp_path, "99ffee-0")

    assert clean_logs(EVERYTHING, str(tmp_path)).removed == ("logs of executor 99ffee-0",)
    assert names(tmp_path) == ["ab12cd-0"]
    folder.close()


def test_the_folder_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom lithops.localhost.log_folder import open_log_folder\n"
        "from lithops.types import ExecutorInfo\n"
        "folder = open_log_folder(ExecutorInfo(executor_id='ab12cd-0', mode='', backend='', storage='', "
        f"state_dir={str(tmp_path)!r}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", code], timeout=60, env=environment, check=False)

    assert names(tmp_path) == ["ab12cd-0"]
    assert clean_logs(EVERYTHING, str(tmp_path)).removed == ("logs of executor ab12cd-0",)


def test_a_forked_child_that_closes_does_not_give_the_folder_up(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    child = os.fork()
    if child == 0:
        folder.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert clean_logs(EVERYTHING, str(tmp_path)).removed == ()
    folder.close()


def test_a_folder_that_is_removed_while_it_is_opened_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    cleaned = []

    def flock_too_late(descriptor: int, how: int) -> None:
        if not cleaned and how & fcntl.LOCK_SH:
            cleaned.append(clean_logs(EVERYTHING, str(tmp_path)))
        flock(descriptor, how)

    monkeypatch.setattr(log_folder.fcntl, "flock", flock_too_late)
    folder = opened(tmp_path)

    assert cleaned[0].removed == ("logs of executor ab12cd-0",)
    assert clean_logs(EVERYTHING, str(tmp_path)).removed == ()
    folder.close()


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(log_folder.fcntl, "flock", no_locks)
    folder = opened(tmp_path)

    assert clean_logs(EVERYTHING, str(tmp_path)).removed == ()
    folder.close()


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "logs").write_text("in the way")

    with caplog.at_level("WARNING", "lithops"):
        assert open_log_folder(executor(tmp_path)) is None

    path = str(tmp_path / "logs" / "ab12cd-0")
    assert caplog.messages == [f"no logs are kept on disk: cannot make folder {path!r}: Not a directory"]


def test_a_folder_that_somebody_keeps_removing_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_folder, "_ATTEMPTS", 2)
    monkeypatch.setattr(log_folder, "_locked", lambda *_: False)

    with caplog.at_level("WARNING", "lithops"):
        assert open_log_folder(executor(tmp_path)) is None

    assert caplog.messages[0].endswith(": another process keeps removing it")


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        (("ab12cd-1-M000",), ["ab12cd-0", "ab12cd-10", "ab12cd-10-M000-00003-0"]),
        (("ab12cd-10",), ["ab12cd-0", "ab12cd-1"]),
        (("ab12cd-10-M000-00003-0-A002",), ["ab12cd-0", "ab12cd-1", "ab12cd-10"]),
        (("nope",), ["ab12cd-0", "ab12cd-1", "ab12cd-10", "ab12cd-10-M000-00003-0"]),
    ],
)
def test_only_what_is_named_is_removed(tmp_path: Path, keys: tuple[str, ...], kept: list[str]) -> None:
    left_by_others(tmp_path, "ab12cd-0", "ab12cd-1", "ab12cd-10", "ab12cd-10-M000-00003-0")

    clean_logs(CleanScope(job_keys=keys), str(tmp_path))

    assert names(tmp_path) == kept


@pytest.mark.parametrize(
    ("key", "owner"),
    [("ab12cd-0-M000", "ab12cd-0"), ("ab12cd-0", "ab12cd-0"), ("ab12cd-0-M000-00003-1-A1234", "ab12cd-0-M000-00003-1")],
)
def test_the_executor_of_a_job_is_what_its_key_begins_with(key: str, owner: str) -> None:
    assert executor_of(key) == owner


def test_an_index_cut_off_by_a_full_disk_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    left_by_others(tmp_path, "ab12cd-0")
    log = tmp_path / "logs" / "ab12cd-0" / "worker-0-1.log"
    log.write_bytes(b"one\ntwo\n")
    call_index.note(str(log), "ab12cd-0-M000", 7, 0, 4)
    with (log.parent / "ab12cd-0-M000.calls").open("a") as index:
        index.write('[1]\n{"call": 8, "fi')

    (job,) = job_logs(tmp_path / "logs")

    assert [(output.call, b"".join(output.chunks())) for output in job.outputs()] == [(7, b"one\n")]


def test_an_index_is_private_and_never_fails(tmp_path: Path) -> None:
    call_index.note(str(tmp_path / "worker-0-1.log"), "ab12cd-0-M000", 0, 0, 1)
    call_index.note(str(tmp_path / "gone" / "worker-0-1.log"), "ab12cd-0-M000", 0, 0, 1)

    assert (tmp_path / "ab12cd-0-M000.calls").stat().st_mode & 0o777 == 0o600
