"""The HTTP spelling of byte ranges."""

from __future__ import annotations

import pytest

from lithops.errors import StorageError
from lithops.storage.ranges import clip, parse_range
from lithops.types import ByteRange


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-99", ByteRange(start=0, end=99)),
        ("bytes=5-", ByteRange(start=5)),
        ("bytes=-7", ByteRange(start=-7)),
        ("bytes = 1-2", ByteRange(start=1, end=2)),
    ],
)
def test_a_range_header_is_read(header: str, wanted: ByteRange) -> None:
    assert parse_range(header) == wanted


@pytest.mark.parametrize(
    "header", ["", "bytes", "bytes=", "bytes=-", "0-99", "lines=0-9", "bytes=a-b", "bytes=0-1,3-4"]
)
def test_a_range_header_that_means_nothing_is_refused(header: str) -> None:
    with pytest.raises(StorageError) as caught:
        parse_range(header)
    assert str(caught.value) == (
        f"cannot read the range {header!r}; write it as 'bytes=FIRST-LAST', 'bytes=FIRST-' or 'bytes=-N'"
    )


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(StorageError, match=r"^cannot read the bytes 5 to 4: the range ends before it begins$"):
        clip(ByteRange(start=5, end=4), 10)


def test_a_range_from_the_end_has_no_end() -> None:
    with pytest.raises(StorageError, match=r"^cannot read the bytes -5 to 7: a range that counts from the end has no"):
        clip(ByteRange(start=-5, end=7), 10)
