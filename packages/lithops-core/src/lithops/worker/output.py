"""What calls write to their standard streams, each call's share told apart.

Descriptors 1 and 2 are one file per worker, opened for appending, so that output of native code and of child
processes is caught too, a crash loses none of it, and a silent call costs one `lseek`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

TAIL_BYTES = 16 * 1024
"""How much of a call's output travels with its report."""

Live = Callable[[int, bytes], None]
"""Gets the number of the stream (1 or 2) and what was written to it."""


class OutputFile:
    """The file behind the standard streams of this process."""

    def __init__(self, path: str | None, live: Live | None = None) -> None:
        self.path, self._fd = _open(path)
        self._live = live
        ours = os.fstat(self._fd)
        self._identity = ours.st_ino, ours.st_dev
        self._restore_descriptors()
        self._make_streams()
        self.position = self._size()

    def restore(self) -> None:
        """Put descriptors 1 and 2 right again where user code closed or replaced them and left it at that."""
        for fd in (1, 2):
            try:
                found = os.fstat(fd)
            except OSError:
                found = None
            if found is None or (found.st_ino, found.st_dev) != self._identity:
                self._restore_descriptors()
                return

    def advance(self) -> tuple[int, int] | None:
        """Return the bytes written since the last time, as (start, end), or None if there are none."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - replaced or closed by user code
            self._make_streams()
        end = self._size()
        if end == self.position:
            return None
        start, self.position = self.position, end
        return start, end

    def tail(self, start: int, end: int) -> str:
        """Return the last of what was written from `start` to `end`, as text."""
        first = max(start, end - TAIL_BYTES)
        return os.pread(self._fd, end - first, first).decode("utf-8", "replace")

    def _restore_descriptors(self) -> None:
        os.dup2(self._fd, 1)
        os.dup2(self._fd, 2)

    def _make_streams(self) -> None:
        sys.stdout, sys.stderr = _text_stream(1, self._live), _text_stream(2, self._live)

    def _size(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_END)


def _open(path: str | None) -> tuple[str | None, int]:
    """Open the log file; where that fails (disk full, no permission) output is kept in memory, so calls still run."""
    if path is not None:
        try:
            return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            pass
    if hasattr(os, "memfd_create"):
        return None, os.memfd_create("lithops-output", os.MFD_CLOEXEC)
    return None, os.open(os.devnull, os.O_RDWR)


class _Forgiving(io.FileIO):
    """A descriptor whose writes never fail: a full disk must not fail a call that prints."""

    def __init__(self, fd: int, live: Live | None) -> None:
        super().__init__(fd, "w", closefd=False)
        self._live = live

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]  # any buffer, as FileIO itself takes
        try:
            written = super().write(data)
        except OSError:
            return len(data)
        if self._live is not None:
            self._live(self.fileno(), bytes(data))
        return len(data) if written is None else written


def _text_stream(fd: int, live: Live | None) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Forgiving(fd, live)),  # type: ignore[type-var]  # any buffer, as above
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )
