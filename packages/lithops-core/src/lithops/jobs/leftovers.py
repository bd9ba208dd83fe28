"""What executors have in storage, and how it is removed when nobody needs it any more."""

from __future__ import annotations

import logging
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from lithops.errors import BucketNotFound, ConfigError, LithopsError, StorageError
from lithops.jobs import notes
from lithops.storage.storage import reopen
from lithops.types import CleanReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lithops.jobs.notes import Line, Note
    from lithops.storage import Storage

logger = logging.getLogger(__name__)

ROOT = "lithops.jobs/"
"""What all keys begin with; then follows an executor, or a job, whose name begins with that of its executor."""


class Leftovers:
    """What one executor has in the store, and its note of that."""

    def __init__(self, executor_id: str, storage: Callable[[], Storage], about: Line, note: Note | None = None) -> None:
        """`storage` opens the store, `about` goes into the note, unless there is one already."""
        self._executor_id = executor_id
        self._storage = storage
        self._about = about
        self._lock = threading.Lock()
        self._note: Note | None = None
        self._let_go: weakref.finalize[[], Leftovers] | None = None
        self.expected = False
        """Whether anything was put there, or will be."""
        if note is not None:
            self._own(note)

    def expect(self) -> None:
        """Let processes that come later know, once the executor has ended, that there is something in the store."""
        with self._lock:
            if self.expected:
                return
            from lithops.config.paths import state_dir

            try:
                _, place = self._storage().__reduce__()  # what a pickle of it would carry: no secrets
                self._own(notes.write(state_dir(), self._executor_id, {**self._about, "store": place}))
            except (ConfigError, OSError) as error:
                self.expected = True
                logger.warning("'lithops clean' will not find what %s has in storage: %s", self._executor_id, error)

    def tell(self, line: Line) -> None:
        """Write something that a process that comes later needs to know."""
        if self._note is not None:
            try:
                self._note.add(line)
            except OSError as error:
                logger.warning("jobs of %s cannot be attached to if this process ends: %s", self._executor_id, error)
                self.tell = _nothing  # type: ignore[method-assign]

    def drop(self, keys: Iterable[str]) -> None:
        """Remove what belongs to these jobs or executors. Raises `StorageError`."""
        if self.expected:
            for key in keys:
                drop(self._storage(), key)

    def drop_spent(self, *, unread: Iterable[str], finished: bool) -> None:
        """Remove what nobody will ask for once the executor is closed.

        Large results of the jobs `unread` may still be asked for, as may what futures were promised that travelled.
        `finished` says that workers will write nothing more.
        """
        if not self.expected:
            return
        wanted = ("/promises/", *(f"{ROOT}{key}/results/" for key in unread))
        try:
            left = drop(self._storage(), self._executor_id, sparing=wanted)
        except StorageError as error:
            logger.warning("what %s has in storage is left to 'lithops clean': %s", self._executor_id, error)
        else:
            if finished and not left and self._note is not None:
                self._note.remove()

    def close(self) -> None:
        """Let others have what is still there; idempotent."""
        if self._let_go is not None:
            self._let_go()

    def _own(self, note: Note) -> None:
        self._note = note
        self._let_go = weakref.finalize(self, note.close)
        self.expected = True


def drop(storage: Storage, key: str, sparing: tuple[str, ...] = ()) -> int:
    """Remove what a job has in the store, or an executor and all its jobs; return how many objects are left.

    Those are the ones whose keys have a word of `sparing` in them.
    """
    with suppress(BucketNotFound):  # nothing has been put there
        names = list(_names(storage, key))
        spent = [name for name in names if not any(word in name for word in sparing)]
        storage.delete_objects(storage.bucket, spent)
        return len(names) - len(spent)
    return 0


def clean_leftovers(state_dir: str | Path, *, everything: bool) -> Iterator[tuple[str, CleanReport | Exception]]:
    """Remove what executors that have ended have left in stores; yield what was removed, or why it was not.

    Jobs that can still be attached to are left, unless `everything` is to go.
    """
    for path in notes.found(state_dir):
        note = notes.take(path)
        if note is None:
            continue
        try:
            removed = _clean(note, path.name, everything=everything)
        except (LithopsError, OSError) as error:
            yield f"what executor {path.name} left in storage", error
        else:
            yield "", CleanReport(removed=removed)
        finally:
            note.close()


def _clean(note: Note, executor_id: str, *, everything: bool) -> tuple[str, ...]:
    """Remove what a note tells of, and the note; return what that was."""
    lines = note.lines()
    try:
        place = lines[0]["store"]
    except (IndexError, KeyError, TypeError, ValueError):
        raise StorageError(f"{str(note.path)!r} cannot be read; remove it") from None
    if not everything and any("job" in line for line in lines):
        logger.info(
            "jobs of executor %s are kept, as they can be attached to; 'lithops clean --all' removes them", executor_id
        )
        return ()
    storage = reopen(*place)
    count = 0
    with suppress(BucketNotFound):
        names = list(_names(storage, executor_id))
        storage.delete_objects(storage.bucket, names)
        count = len(names)
    note.remove()
    return (f"what executor {executor_id} left in storage ({count} object{'s'[: count != 1]})",) if count else ()


def _names(storage: Storage, key: str) -> Iterator[str]:
    for end in "-/":  # an executor's jobs; a job or an executor itself
        yield from storage.list_keys(storage.bucket, prefix=f"{ROOT}{key}{end}")


def _nothing(line: Line) -> None:
    """There is nobody to be told."""
