"""What a payload says of itself."""

from __future__ import annotations

from lithops.types import Payload


def test_the_size_of_a_payload_counts_its_buffers_in_bytes() -> None:
    wide = memoryview(bytearray(80)).cast("d")
    assert Payload(body=b"abc").nbytes == 3
    assert Payload(body=memoryview(b"abc"), buffers=(wide, memoryview(b"de"))).nbytes == 85
