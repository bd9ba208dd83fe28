"""A part of an open file as a file of its own."""

from __future__ import annotations

import io


class FilePart(io.RawIOBase):
    """The bytes `first .. stop - 1` of `file`, which it owns; can seek, so that readers of archives work on it."""

    def __init__(self, file: io.FileIO, first: int, stop: int) -> None:
        super().__init__()
        self._file = file
        self._first = first
        self._stop = stop
        self._at = first

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override] # io says WriteableBuffer
        """Fill `buffer` as far as the part reaches; 0 at its end."""
        self._file.seek(self._at)
        got = self._file.readinto(memoryview(buffer)[: max(0, self._stop - self._at)]) or 0
        self._at += got
        return got

    def readall(self) -> bytes:
        """Return all that is left, in one piece: the inherited way would take 8 KiB at a time."""
        self._file.seek(self._at)
        pieces = []
        while self._at < self._stop and (piece := self._file.read(self._stop - self._at)):
            self._at += len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move within the part; returns the new offset from its beginning."""
        base = {io.SEEK_SET: self._first, io.SEEK_CUR: self._at, io.SEEK_END: self._stop}[whence]
        if base + offset < self._first:
            raise ValueError(f"cannot seek to {base + offset - self._first}: that is before the beginning")
        self._at = base + offset
        return self._at - self._first

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
