"""Activations and reports as bytes: what goes in comes out, and garbage is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.records import replaced
from lithops.remote.envelope import (
    Order,
    SignedKey,
    StoredBlock,
    StoreKey,
    activation_of,
    checked,
    decode_order,
    decode_reports,
    encode_order,
    encode_reports,
    signed,
)
from lithops.remote.payloads import Place
from lithops.types import Block, CallRange, CallState, LogSlice, Payload, Report
from lithops.worker import codec

BUFFERS = (memoryview(b"one"), memoryview(b""), memoryview(bytes(1000)))


def order(**changes: object) -> Order:
    values: dict[str, object] = {
        "activation_id": "t-1",
        "job_key": "x-0-M000",
        "ranges": (CallRange(first=3, count=2), CallRange(first=9, count=1, attempt=2)),
        "timeout_s": 1.5,
        "function": Payload(body=b"function", buffers=BUFFERS),
        "blocks": (
            Block(first=3, count=2, payload=codec.encode_atoms([1, "two"])),
            Block(first=9, count=1, payload=Payload(body=b"nine", buffers=BUFFERS[:1])),
        ),
        "response_bytes": 100,
    }
    return Order(**{**values, **changes})  # type: ignore[arg-type]  # names are checked by the record


def report(first: int = 3, count: int = 2) -> Report:
    return Report(
        activation_id="t-1",
        first=first,
        count=count,
        attempt=4,
        states=bytes((CallState.DONE,)) * count,
        results=Payload(body=codec.encode_results(list(range(count))).body, buffers=BUFFERS),
        started=[1.0 + k for k in range(count)],
        ended=[2.0 + k for k in range(count)],
        cpu_user=[0.5] * count,
        cpu_system=[0.25] * count,
        peak_kb=[1000 + k for k in range(count)],
        grown_kb=list(range(count)),
        worker="0-77",
        logs=[LogSlice(call=first, tail="said", path="/somewhere", start=3, end=7)],
        final=True,
    )


def plain(payload: Payload) -> tuple[bytes, list[bytes]]:
    return bytes(payload.body), [bytes(buffer) for buffer in payload.buffers]


@pytest.mark.parametrize("timeout_s", [1.5, float("inf")])
def test_an_activation_comes_out_as_it_went_in(timeout_s: float) -> None:
    sent = order(timeout_s=timeout_s)
    found = decode_order(encode_order(sent))
    for name in ("activation_id", "job_key", "ranges", "timeout_s", "response_bytes"):
        assert getattr(found, name) == getattr(sent, name)
    assert isinstance(found.function, Payload)
    assert isinstance(sent.function, Payload)
    assert plain(found.function) == plain(sent.function)
    assert [(b.first, b.count, plain(b.payload)) for b in found.blocks] == [
        (b.first, b.count, plain(b.payload)) for b in sent.blocks
    ]


def test_what_lies_in_a_store_is_named_in_an_activation() -> None:
    place = Place(key="k", start=7, sizes=(3, 4), digest="ab")
    sent = order(
        function=place,
        stored=(StoredBlock(first=9, count=1, place=place),),
        blocks=(),
        store=StoreKey(target="acme.client:Store", arguments={"region": "x", "parts": [1, None]}, bucket="b"),
        report=SignedKey(key="r", secret=b"s" * 32),
        results="x/results/",
        inline_bytes=10,
    )
    assert decode_order(encode_order(sent)) == sent


def test_a_secret_is_not_shown() -> None:
    assert "sss" not in repr(order(report=SignedKey(key="r", secret=b"s" * 32)))


def test_the_input_of_a_call_is_found_in_its_block() -> None:
    sent = order()
    assert isinstance(sent.function, Payload)
    source = activation_of(sent, sent.function, sent.blocks).source
    assert source is not None
    assert [source.block_of(call).first for call in (3, 4, 9)] == [3, 3, 9]
    with pytest.raises(LookupError, match="activation 't-1' has no input of call 5"):
        source.block_of(5)


def test_only_what_was_signed_for_this_place_is_believed() -> None:
    here, there = (SignedKey(key=key, secret=b"s" * 32) for key in ("here", "there"))
    assert checked(signed(b"answer", here), here) == b"answer"
    for data, place in [
        (signed(b"answer", there), here),
        (signed(b"answer", here)[:-1], here),
        (b"", here),
        (signed(b"answer", here), replaced(here, secret=b"t" * 32)),
    ]:
        with pytest.raises(ValueError, match="object 'here' is not signed by anybody of this job"):
            checked(data, place)


@pytest.mark.parametrize("count", [1, 2, 50])
def test_reports_come_out_as_they_went_in(count: int) -> None:
    sent = [report(0, count), report(count, 1)]
    found = decode_reports(encode_reports(sent))
    for old, new in zip(sent, found, strict=True):
        for name in ("activation_id", "first", "count", "attempt", "states", "worker", "final"):
            assert getattr(new, name) == getattr(old, name)
        for name in ("started", "ended", "cpu_user", "cpu_system", "peak_kb", "grown_kb"):
            assert list(getattr(new, name)) == list(getattr(old, name))
        assert plain(new.results) == plain(old.results)


def test_what_is_made_of_a_result_can_be_written_to() -> None:
    (found,) = decode_reports(encode_reports([report()]))
    assert not any(buffer.readonly for buffer in found.results.buffers)


def test_files_of_the_other_machine_are_not_told_of() -> None:
    (found,) = decode_reports(encode_reports([report()]))
    assert list(found.logs) == [LogSlice(call=3, tail="said")]


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    for decode in (decode_order, decode_reports):
        for begin in (b"", b"LR1\n", b"LA1\n"):
            with pytest.raises(ValueError, match="bytes are no"):
                decode(begin + data)


@given(st.data())
def test_what_was_damaged_on_the_way_is_refused_or_harmless(data: st.DataObject) -> None:
    whole = encode_reports([report()])
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
    with contextlib.suppress(ValueError):
        assert len(decode_reports(damaged)) == 1
    with pytest.raises(ValueError, match="bytes are no reports"):
        decode_reports(whole[:at])
