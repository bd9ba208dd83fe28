"""Notes in the state folder of what executors have elsewhere, for processes that come after them.

A note is a file of lines, each a JSON object; the first says where the store is. An executor holds a lock on its note
for as long as it is open. The kernel lets go of it when the process ends, however it ends; what an unlocked note tells
of has no owner any more. Where files cannot be locked, nobody can tell who lives, so every note counts as owned.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = "executors"
_UNFINISHED = ".new"
Line = dict[str, Any]


class Note:
    """A note that this process owns."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def add(self, line: Line) -> None:
        """Write another line; threads may do so at the same time. Raises `OSError`."""
        if self._descriptor >= 0:
            os.write(self._descriptor, _encoded(line))

    def lines(self) -> list[Line]:
        """Return what is written there; a last line that was cut short is left out."""
        return read(self.path)

    def remove(self) -> None:
        """Remove it: there is nothing left that it could tell of."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Own it no longer; idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def write(state_dir: str | Path, name: str, first: Line) -> Note:
    """Begin a note. Raises `OSError`."""
    folder = Path(state_dir, _FOLDER)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / (name + _UNFINISHED)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.write(descriptor, _encoded(first))
        path.rename(folder / name)  # locked before anybody can find it
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return Note(folder / name, descriptor)


def take(path: Path) -> Note | None:
    """Take over a note that nobody owns; None if somebody does, or it is gone or not there yet."""
    if path.suffix == _UNFINISHED or fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return Note(path, descriptor)
    return None


def found(state_dir: str | Path) -> Iterator[Path]:
    """Yield all notes, by the names of their executors."""
    for path in sorted(Path(state_dir, _FOLDER).glob("*")):
        if path.suffix != _UNFINISHED:
            yield path


def read(path: Path) -> list[Line]:
    """Return the lines of a note; one that was cut short is left out, as is what comes after it."""
    lines: list[Line] = []
    with suppress(ValueError, FileNotFoundError):
        for text in path.read_bytes().splitlines():
            line = json.loads(text)
            if not isinstance(line, dict):
                break
            lines.append(line)
    return lines


def _encoded(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":"), default=str).encode() + b"\n"
