"""What executors have in storage, and notes of who has it where, so that `lithops clean` finds it.

An executor holds a lock on its note for as long as it is open. The kernel lets go of it when the process ends, however
it ends; what an unlocked note tells of has no owner any more.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lithops.errors import BucketNotFound, ConfigError, LithopsError, StorageError
from lithops.storage.storage import reopen
from lithops.types import CleanReport

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from lithops.storage import Storage

logger = logging.getLogger(__name__)

ROOT = "lithops.jobs/"
"""What all keys begin with; then follows an executor, or a job, whose name begins with that of its executor."""
_FOLDER = "leftovers"
_UNFINISHED = ".new"
_WANTED = ("/results/", "/promises/")


class Leftovers:
    """What one executor has in the store."""

    def __init__(self, executor_id: str, storage: Callable[[], Storage]) -> None:
        """`storage` opens the store."""
        self._executor_id = executor_id
        self._storage = storage
        self._lock = threading.Lock()
        self._let_go: weakref.finalize[[], Leftovers] | None = None
        self.expected = False
        """Whether anything was put there, or will be."""

    def expect(self) -> None:
        """Let `lithops clean` know, once the executor has ended, that there is something in the store."""
        with self._lock:
            if self.expected:
                return
            self.expected = True
            from lithops.config.paths import state_dir

            try:
                let_go = _write_note(state_dir(), self._executor_id, self._storage())
            except (ConfigError, OSError) as error:
                logger.warning("'lithops clean' will not find what %s has in storage: %s", self._executor_id, error)
            else:
                self._let_go = weakref.finalize(self, let_go)

    def drop(self, keys: Iterable[str]) -> None:
        """Remove what belongs to these jobs or executors. Raises `StorageError`."""
        if self.expected:
            for key in keys:
                _drop(self._storage(), key)

    def drop_spent(self) -> None:
        """Remove what nobody will ask for once the executor is closed: all but results that were not taken yet."""
        if self.expected:
            try:
                _drop(self._storage(), self._executor_id, sparing=_WANTED)
            except StorageError as error:
                logger.warning("what %s has in storage is left to 'lithops clean': %s", self._executor_id, error)

    def close(self) -> None:
        """Let `lithops clean` have what is still there; idempotent."""
        if self._let_go is not None:
            self._let_go()


def _drop(storage: Storage, key: str, sparing: tuple[str, ...] = ()) -> int:
    """Remove what a job has in the store, or an executor and all its jobs; return how many objects there were.

    Keys that have a word of `sparing` in them are left.
    """
    names: list[str] = []
    with suppress(BucketNotFound):  # nothing has been put there
        for end in "-/":  # an executor's jobs; a job or an executor itself
            names += storage.list_keys(storage.bucket, prefix=f"{ROOT}{key}{end}")
        names = [name for name in names if not any(word in name for word in sparing)]
        storage.delete_objects(storage.bucket, names)
    return len(names)


def _write_note(state_dir: str | Path, executor_id: str, storage: Storage) -> Callable[[], None]:
    """Note that an executor is about to use its store; return what to call, once, when it ends.

    Raises `OSError`.
    """
    _, place = storage.__reduce__()  # what a pickle of it would carry: no secrets
    folder = Path(state_dir, _FOLDER)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / (executor_id + _UNFINISHED)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.write(descriptor, json.dumps(place, default=str).encode())
        path.rename(folder / executor_id)  # locked before anybody can find it
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return partial(os.close, descriptor)


def clean_leftovers(state_dir: str | Path) -> Iterator[tuple[str, CleanReport | Exception]]:
    """Remove what executors that have ended have left in stores; yield what was removed, or why it was not.

    Where files cannot be locked, nobody can tell who lives, so nothing is removed.
    """
    for note in sorted(Path(state_dir, _FOLDER).glob("*")):
        if note.suffix == _UNFINISHED or fcntl is None:
            continue
        with _unowned(note) as free:
            if not free:
                continue
            try:
                count = _drop_noted(note)
            except (LithopsError, OSError) as error:
                yield f"what executor {note.name} left in storage", error
            else:
                left = f"what executor {note.name} left in storage ({count} object{'s'[: count != 1]})"
                yield "", CleanReport(removed=(left,) if count else ())


def _drop_noted(note: Path) -> int:
    """Remove what a note tells of, and the note; return how many objects there were."""
    try:
        backend, bucket, section = json.loads(note.read_bytes())
    except (ValueError, TypeError):
        raise StorageError(f"{str(note)!r} cannot be read; remove it") from None
    count = _drop(reopen(backend, bucket, section), note.name)
    note.unlink()
    return count


@contextmanager
def _unowned(note: Path) -> Iterator[bool]:
    """Hold the lock that an executor would hold, if none does."""
    descriptor = -1
    try:
        descriptor = os.open(note, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has it, or has removed it meanwhile
        free = False
    else:
        free = True
    try:
        yield free
    finally:
        if descriptor >= 0:
            os.close(descriptor)
