"""Tests of configuration: paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from lithops.config import logs_dir, state_dir
from lithops.errors import ConfigError


def refused() -> str:
    with pytest.raises(ConfigError) as caught:
        state_dir()
    return str(caught.value)


def test_the_state_folder_is_private_and_made_once() -> None:
    folder = state_dir()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert state_dir() == folder


@pytest.mark.parametrize("base", [None, "", "elsewhere"])
def test_the_state_folder_is_where_the_platform_has_it(
    base: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if base is not None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / base) if base else "")

    assert str(state_dir()) == platformdirs.user_state_dir("lithops", appauthor=False)


def test_the_state_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "a" / "b"))

    assert state_dir() == tmp_path / "a" / "b"
    assert logs_dir() == tmp_path / "a" / "b" / "logs"
    assert logs_dir().stat().st_mode & 0o777 == 0o700


def test_a_state_folder_that_cannot_be_made_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "file" / "state"))

    assert refused() == (
        f"the state folder '{tmp_path}/file/state' cannot be made: File exists: '{tmp_path}/file'; "
        f"set LITHOPS_STATE_DIR to a folder of your own"
    )


def test_a_state_folder_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path))

    assert refused() == (
        f"the state folder '{tmp_path}' can be written by others (mode 0777); "
        f"chmod go-w it, or set LITHOPS_STATE_DIR to a folder of your own"
    )


def test_a_state_folder_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Path("/proc/1" if os.geteuid() else "/").stat().st_uid
    monkeypatch.setenv("LITHOPS_STATE_DIR", "/proc/1" if os.geteuid() else "/")
    user = os.geteuid()
    if user == owner:
        os.seteuid(65534)
    try:
        message = refused()
        asked = os.geteuid()
    finally:
        os.seteuid(user)

    assert f"belongs to user id {owner}, not to yours ({asked}); set LITHOPS_STATE_DIR" in message


def test_without_any_home_the_state_folder_is_not_made_in_the_working_folder() -> None:
    program = (
        "import os; os.path.expanduser = lambda path: path\n"  # as it is where the user has no entry
        "from lithops.config import state_dir\n"
        "try: state_dir()\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip

    assert done.stdout.strip() == (
        "the state folder '~/.local/state/lithops' has no home to be in; set HOME, or set LITHOPS_STATE_DIR to a "
        "folder of your own"
    )
    assert not Path("~").exists()


def test_a_folder_of_logs_that_cannot_be_made_says_so() -> None:
    (state_dir() / "logs").symlink_to("/nowhere/at/all")

    with pytest.raises(
        ConfigError, match=r"^the folder of logs '.*/logs' cannot be made: File exists; make room for it"
    ):
        logs_dir()
