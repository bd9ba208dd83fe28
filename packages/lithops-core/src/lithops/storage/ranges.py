"""Byte ranges: their HTTP spelling, and where they fall in an object of known size."""

from __future__ import annotations

from lithops.errors import StorageError
from lithops.types import ByteRange


def parse_range(header: str) -> ByteRange:
    """Read an HTTP range of one part (`bytes=a-b`, `bytes=a-`, `bytes=-n`); `StorageError` if it is something else.

    >>> parse_range("bytes=0-99")
    ByteRange(start=0, end=99)
    """
    unit, equals, span = header.partition("=")
    first, dash, last = span.strip().partition("-")
    digits = [part for part in (first, last) if part]
    if unit.strip() != "bytes" or not equals or not dash or not digits or not all(map(_is_number, digits)):
        raise StorageError(
            f"cannot read the range {header!r}; write it as 'bytes=FIRST-LAST', 'bytes=FIRST-' or 'bytes=-N'"
        )
    if not first:
        return ByteRange(start=-int(last))
    return ByteRange(start=int(first), end=int(last) if last else None)


def clip(wanted: ByteRange | None, size_bytes: int) -> tuple[int, int]:
    """Return the offsets `(first, stop)` of a range in an object; what lies past its end is cut off, even all of it.

    >>> clip(ByteRange(start=-3), 10), clip(ByteRange(start=8, end=99), 10), clip(ByteRange(start=50), 10)
    ((7, 10), (8, 10), (10, 10))
    """
    if wanted is None:
        return 0, size_bytes
    start, end = wanted.start, wanted.end
    if start < 0 and end is not None:
        raise StorageError(
            f"cannot read the bytes {start} to {end}: a range that counts from the end has no end of its own"
        )
    if end is not None and end < start:
        raise StorageError(f"cannot read the bytes {start} to {end}: the range ends before it begins")
    if start < 0:
        return max(0, size_bytes + start), size_bytes
    stop = size_bytes if end is None else min(end + 1, size_bytes)
    return min(start, stop), stop


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
