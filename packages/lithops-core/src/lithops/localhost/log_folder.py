"""The folder that keeps what the calls of one executor write, and who may remove it.

An executor holds a lock on a file in its folder for as long as it lives. The kernel lets go of it when the process
ends, however it ends, so that neither a crash nor a process id that is used again misleads anybody.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from typing import TYPE_CHECKING

from lithops.types import CleanReport, CleanScope, ExecutorInfo

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path  # 3 ms, which nobody pays who does not clean

logger = logging.getLogger(__name__)

_LOCK = ".running"
_ATTEMPTS, _PAUSE_S = 50, 0.001  # whoever removes a new folder, for it was not locked yet, is done in no time
_JOB = re.compile(r"-[A-Z]\d{3,}$")


class LogFolder:
    """The folder of an executor that lives."""

    def __init__(self, path: str, lock: int) -> None:
        self.path = path
        self.unwanted = False
        """Remove the folder when it is closed, whatever is in it."""
        self._lock = lock
        self._owner = os.getpid()

    def close(self) -> None:
        """Let go of the folder, and leave none behind that has nothing in it; idempotent."""
        lock, self._lock = self._lock, -1
        if lock < 0:
            return
        if os.getpid() == self._owner:  # a forked child has a copy of the descriptor, but the folder is not its own
            with contextlib.suppress(OSError):
                os.unlink(f"{self.path}/{_LOCK}")  # noqa: PTH108 - on the way of every executor, as in open_log_folder
                if self.unwanted:
                    _remove(self.path)
                else:
                    os.rmdir(self.path)  # noqa: PTH106
        os.close(lock)


def open_log_folder(executor: ExecutorInfo) -> LogFolder | None:
    """Make the folder; where that fails, calls run all the same and only the tails of their logs are kept."""
    path = f"{executor.state_dir}/logs/{executor.executor_id}"
    try:
        for _ in range(_ATTEMPTS):
            _make(path)
            lock = os.open(f"{path}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(lock, f"{path}/{_LOCK}"):
                return LogFolder(path, lock)
            os.close(lock)
            time.sleep(_PAUSE_S)
        why = "another process keeps removing it"
    except OSError as error:
        why = error.strerror or str(error)
    logger.warning("no logs are kept on disk: cannot make folder %r: %s", path, why)
    return None


def _make(path: str) -> None:
    try:
        os.mkdir(path, 0o700)  # noqa: PTH102
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        os.mkdir(path, 0o700)  # noqa: PTH102


def clean_logs(scope: CleanScope, state_dir: str) -> CleanReport:
    """Remove the logs of executors that have ended, all of them or those that `scope` names."""
    from pathlib import Path

    removed = []
    for folder in sorted(Path(state_dir, "logs").glob("*")):
        if _meant(folder.name, scope.job_keys) and folder.is_dir():
            with _unused(folder) as free:
                if free and _remove(folder):
                    removed.append(f"logs of executor {folder.name}")
    return CleanReport(removed=tuple(removed))


def executor_of(job_key: str) -> str:
    """Return the part of a job's key that names its executor; the name itself if it is an executor's."""
    return _JOB.sub("", job_key)


def _locked(lock: int, path: str) -> bool:
    """Lock a file that was just opened, and say whether it is still the one that stands there."""
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:  # somebody is cleaning at this very moment
        return False
    except OSError:  # a file system without locks: nobody can tell who lives, so nobody removes anything
        pass
    try:
        return os.fstat(lock).st_ino == os.stat(path).st_ino  # noqa: PTH116
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _unused(folder: Path) -> Iterator[bool]:
    """Hold what an executor would hold, if no executor does."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except OSError:
        yield False
    finally:
        os.close(lock)


def _meant(name: str, job_keys: tuple[str, ...]) -> bool:
    """Whether a folder is that of an executor whose job is named, or of one that was made inside of what is named."""
    return not job_keys or any(name == executor_of(key) or name.startswith(f"{key}-") for key in job_keys)


def _remove(folder: str | Path) -> bool:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)
    return not os.path.lexists(folder)
