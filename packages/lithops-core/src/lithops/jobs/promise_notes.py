"""Notes of which executors have promised results to storage, and of where, so that `lithops clean` finds them.

An executor holds a lock on its note for as long as it is open. The kernel lets go of it when the process ends, however
it ends; what an unlocked note tells of has no owner any more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lithops.errors import LithopsError, StorageError
from lithops.jobs.promises import drop_promises
from lithops.storage.storage import reopen
from lithops.types import CleanReport

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from lithops.storage import Storage

_UNFINISHED = ".new"


def write_note(state_dir: str | Path, executor_id: str, storage: Storage) -> Callable[[], None]:
    """Note that an executor is about to promise results; return what to call, once, when it ends.

    Raises `OSError`.
    """
    _, place = storage.__reduce__()  # what a pickle of it would carry: no secrets
    folder = Path(state_dir, "promises")
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


def clean_promises(state_dir: str | Path) -> Iterator[tuple[str, CleanReport | Exception]]:
    """Remove the results that executors which have ended promised; yield what was removed, or why it was not.

    Where files cannot be locked, nobody can tell who lives, so nothing is removed.
    """
    for note in sorted(Path(state_dir, "promises").glob("*")):
        if note.suffix == _UNFINISHED or fcntl is None:
            continue
        with _unowned(note) as free:
            if not free:
                continue
            try:
                count = _drop(note)
            except (LithopsError, OSError) as error:
                yield f"results promised by executor {note.name}", error
            else:
                yield "", CleanReport(removed=(f"results promised by executor {note.name} ({count})",) if count else ())


def _drop(note: Path) -> int:
    """Remove what a note tells of, and the note; return how many results there were."""
    try:
        backend, bucket, section = json.loads(note.read_bytes())
    except (ValueError, TypeError):
        raise StorageError(f"{str(note)!r} cannot be read; remove it") from None
    count = drop_promises(reopen(backend, bucket, section), bucket, note.name)
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
