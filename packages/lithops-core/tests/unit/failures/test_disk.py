"""A disk that is full, and a state folder that cannot be had."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lithops
from lithops.errors import StorageError

Make = Callable[..., lithops.FunctionExecutor]


def double(x: int) -> int:
    return 2 * x


def shout(x: int) -> int:
    sys.stdout.write("y" * 3_000_000 + f"\nthe end of {x}\n")
    return x


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tmp_path / "disk"
    folder.mkdir()
    if libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, b"size=1m,mode=0700"):
        pytest.skip("needs permission to mount a file system")
    yield folder
    libc.umount2(os.fsencode(folder), 2)


@pytest.mark.needs("root", "linux")
def test_calls_that_print_onto_a_full_disk_succeed(
    small_disk: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(small_disk))
    executor = make(1)
    futures = executor.map(shout, range(3))
    assert executor.get_result(futures) == [0, 1, 2]
    assert futures[0].logs.startswith("yyy")
    assert executor.get_result(executor.map(double, range(10))) == list(range(0, 20, 2))


@pytest.mark.needs("root", "linux")
def test_calls_run_when_the_disk_is_full_from_the_start(
    small_disk: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(small_disk))
    fill(small_disk)
    executor = make(1)
    future = executor.call_async(shout, 1)
    assert future.result() == 1
    assert executor.get_result(executor.map(double, range(10))) == list(range(0, 20, 2))


@pytest.mark.needs("root", "linux")
def test_storing_onto_a_full_disk_says_so_and_leaves_no_half_object(
    small_disk: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(small_disk))
    storage = make(1).storage
    storage.put_object(storage.bucket, "first", b"x")
    with pytest.raises(StorageError, match="No space left"):
        storage.put_object(storage.bucket, "large", b"x" * 3_000_000)
    storage.put_object(storage.bucket, "small", b"x")
    assert storage.list_keys(storage.bucket) == ["first", "small"]


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def test_without_a_state_folder_calls_run_and_logs_are_kept_for_the_time(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", "/dev/null/state")
    executor = make(1)
    future = executor.call_async(shout, 1)
    assert future.result() == 1
    assert future.logs.endswith("\nthe end of 1\n")
    assert "the state folder '/dev/null/state' cannot be made: " in caplog.text
    assert "until then logs are kept in" in caplog.text


def test_a_log_folder_that_cannot_be_made_leaves_the_ends_of_the_logs(
    make: Make, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state_dir.mkdir(mode=0o700)
    (state_dir / "logs").write_text("in the way")
    executor = make(1)
    future = executor.call_async(shout, 1)
    assert future.result() == 1
    assert future.logs.endswith("y\nthe end of 1\n")
    assert "no logs are kept on disk: cannot make folder" in caplog.text


def test_a_log_folder_that_vanishes_takes_no_call_with_it(make: Make, state_dir: Path) -> None:
    executor = make(1)
    assert executor.call_async(shout, 1).result() == 1
    shutil.rmtree(state_dir)
    future = executor.call_async(shout, 2)
    assert future.result() == 2
    assert future.logs.endswith("the end of 2\n")
    executor.call_async(lambda x: os._exit(1), 0).exception()  # the next worker has nowhere to write
    assert executor.call_async(shout, 3).result() == 3


@pytest.mark.needs("linux")
def test_output_onto_a_device_that_is_full_is_dropped(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from lithops.worker.output import OutputFile\n"
        "output = OutputFile('/dev/full')\n"
        "print('lost'); sys.stderr.write('lost'); sys.stdout.flush()\n"
        "assert output.advance() is None\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
