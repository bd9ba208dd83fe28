"""How activations and reports are laid out where they travel as one piece: in a request, in a response, in an object.

Both are a short JSON header and the parts it lists, one behind the other:

    b"LR1\\n" or b"LA1\\n", length of the header (4 bytes, little-endian), header, parts

The parts of an activation are the function and its buffers, then each block and its buffers, except for those that the
header says lie in the store; those of an answer are per report the states of its calls, what was measured of them, their
results and the buffers of these. An answer that goes through a store is signed:

    HMAC-SHA256 of the rest (32 bytes), b"LA1\n" ...

The activations of an array lie in one object, each signed and in a slot of its own, all of one size:

    length of the rest (4 bytes, little-endian), HMAC-SHA256 of the rest, b"LR1\n" ..., zeros

and the request, which is the same for all of them, says where:

    b"LP1\n", length of the header, header
"""

from __future__ import annotations

import hmac
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lithops.records import field, record, replaced
from lithops.remote.payloads import Place
from lithops.types import Activation, Block, CallRange, Lane, LogSlice, Payload, Report
from lithops.worker import codec

_ORDER, _ANSWER, _ARRAY = b"LR1\n", b"LA1\n", b"LP1\n"
_LENGTH = struct.Struct("<I")
SIGNATURE_BYTES = 32
_FOREVER = float("inf")
_GARBAGE = (ValueError, KeyError, TypeError, IndexError, StopIteration, RuntimeError, struct.error)

Buffer = bytes | memoryview


@record
class StoreKey:
    """How a worker opens the store of the driver; see `lithops.types.WorkerPart`."""

    target: str
    arguments: Mapping[str, object] = field(repr=False)
    bucket: str


@record
class StoredBlock:
    """A `lithops.types.Block` whose payload lies in the store."""

    first: int
    count: int
    place: Place


@record
class SignedKey:
    """A place in the store where only what is signed is believed."""

    key: str
    secret: bytes = field(repr=False)
    """Never in the store itself: who may write there may not speak for driver or workers."""


@record
class Order:
    """An activation with all it needs, as a worker finds it in a request."""

    activation_id: str
    job_key: str
    ranges: tuple[CallRange, ...]
    timeout_s: float
    function: Payload | Place
    blocks: tuple[Block, ...] = ()
    stored: tuple[StoredBlock, ...] = ()
    store: StoreKey | None = None
    """None: there is none that workers reach, so nothing may lie in it."""
    report: SignedKey | None = None
    """Where the answer is to be put; None: it is what the entry point returns."""
    results: str = ""
    """Key below which large results are put; empty if there is no store."""
    inline_bytes: int | None = None
    """So much of the answer stays in it; the largest of the results beyond are put into the store, if there is one."""
    response_bytes: int | None = None
    """Most bytes that the answer may have."""


@record
class ArrayOrder:
    """What all activations of an array find in their request: where each has its own order."""

    store: StoreKey
    slots: SignedKey
    """The object with the orders; its secret signs their answers as well."""
    slot_bytes: int
    count: int


def activation_of(order: Order, function: Payload, blocks: Sequence[Block]) -> Activation:
    """Return what a pool takes, with the function and the inputs at hand."""
    return Activation(
        activation_id=order.activation_id,
        job_key=order.job_key,
        ranges=order.ranges,
        lane=Lane.STREAM,
        timeout_s=order.timeout_s,
        deadline=_FOREVER,
        source=_AtHand(order.activation_id, function, blocks),
    )


class _AtHand:
    """A `lithops.types.CallSource`."""

    shared: tuple[memoryview, ...] = ()

    def __init__(self, activation_id: str, function: Payload, blocks: Sequence[Block]) -> None:
        self._activation_id = activation_id
        self.function = function
        self._blocks = blocks

    def block_of(self, call: int) -> Block:
        """Return the block that holds the input of `call`."""
        for block in self._blocks:
            if block.first <= call < block.first + block.count:
                return block
        raise LookupError(f"activation {self._activation_id!r} has no input of call {call}")


def encode_order(order: Order) -> bytes:
    """Lay out an activation."""
    function, store, report = order.function, order.store, order.report
    at_hand = [] if isinstance(function, Place) else [function]
    payloads = [*at_hand, *(block.payload for block in order.blocks)]
    header: dict[str, object] = {
        "activation": order.activation_id,
        "job": order.job_key,
        "ranges": [(part.first, part.count, part.attempt) for part in order.ranges],
        "timeout_s": None if order.timeout_s == _FOREVER else order.timeout_s,
        "response_bytes": order.response_bytes,
        "blocks": [(block.first, block.count) for block in order.blocks],
        "buffers": [len(payload.buffers) for payload in payloads],
    }
    if store is not None:
        header |= {
            "store": (store.target, store.arguments, store.bucket),
            "results": order.results,
            "inline_bytes": order.inline_bytes,
        }
        if isinstance(function, Place):
            header["function"] = _told_of(function)
        if order.stored:
            header["stored"] = [(block.first, block.count, _told_of(block.place)) for block in order.stored]
        if report is not None:
            header["report"] = (report.key, report.secret.hex())
    return _joined(_ORDER, header, [part for payload in payloads for part in (payload.body, *payload.buffers)])


def decode_order(data: Buffer) -> Order:
    """Read what `encode_order` wrote. Raises `ValueError` if it is anything else."""
    try:
        header, parts = _split(data, _ORDER)
        payloads = [_payload(parts, count) for count in header["buffers"]]
        function = _place(header["function"]) if "function" in header else payloads.pop(0)
        timeout_s = header["timeout_s"]
        order = Order(
            activation_id=header["activation"],
            job_key=header["job"],
            ranges=tuple(CallRange(first=a, count=n, attempt=t) for a, n, t in header["ranges"]),
            timeout_s=_FOREVER if timeout_s is None else timeout_s,
            function=function,
            blocks=tuple(
                Block(first=first, count=count, payload=payload)
                for (first, count), payload in zip(header["blocks"], payloads, strict=True)
            ),
            response_bytes=header["response_bytes"],
        )
        return order if "store" not in header else _with_store(order, header)
    except _GARBAGE as error:
        raise ValueError(f"{len(data)} bytes are no activation: {error!r}") from error


def _with_store(order: Order, header: dict[str, Any]) -> Order:
    target, arguments, bucket = header["store"]
    report = header.get("report")
    return replaced(
        order,
        store=StoreKey(target=target, arguments=arguments, bucket=bucket),
        stored=tuple(StoredBlock(first=a, count=n, place=_place(told)) for a, n, told in header.get("stored", ())),
        report=None if report is None else SignedKey(key=report[0], secret=bytes.fromhex(report[1])),
        results=header["results"],
        inline_bytes=header["inline_bytes"],
    )


def encode_slots(orders: Sequence[Order], slots: SignedKey) -> tuple[bytes, int]:
    """Lay out the orders of an array, without what signs their answers; return the bytes and the size of a slot."""
    bare = [
        order if order.report is None else replaced(order, report=replaced(order.report, secret=b""))
        for order in orders
    ]
    laid_out = [signed(encode_order(order), _slot(slots, index)) for index, order in enumerate(bare)]
    size = max(map(len, laid_out)) + _LENGTH.size
    return b"".join((_LENGTH.pack(len(data)) + data).ljust(size, b"\0") for data in laid_out), size


def decode_slot(data: Buffer, array: ArrayOrder, index: int) -> Order:
    """Read the order in slot `index`. Raises `ValueError` if it is not what the driver has put there."""
    view = memoryview(data)
    if view.nbytes < _LENGTH.size:
        raise ValueError(f"array {array.slots.key!r} has no activation {index}")
    (length,) = _LENGTH.unpack_from(view)
    order = decode_order(checked(view[_LENGTH.size : _LENGTH.size + length], _slot(array.slots, index)))
    if order.report is None:
        return order
    return replaced(order, report=replaced(order.report, secret=array.slots.secret))


def _slot(slots: SignedKey, index: int) -> SignedKey:
    return SignedKey(key=f"{slots.key}#{index}", secret=slots.secret)


def encode_array(array: ArrayOrder) -> bytes:
    """Lay out the request of an array."""
    store, slots = array.store, array.slots
    header: dict[str, object] = {
        "store": (store.target, store.arguments, store.bucket),
        "slots": (slots.key, slots.secret.hex()),
        "slot_bytes": array.slot_bytes,
        "count": array.count,
    }
    return _joined(_ARRAY, header, ())


def is_array(data: Buffer) -> bool:
    """Whether a request is that of an array."""
    return bytes(data[: len(_ARRAY)]) == _ARRAY


def decode_array(data: Buffer) -> ArrayOrder:
    """Read what `encode_array` wrote. Raises `ValueError` if it is anything else."""
    try:
        header, _ = _split(data, _ARRAY)
        (target, arguments, bucket), (key, secret) = header["store"], header["slots"]
        return ArrayOrder(
            store=StoreKey(target=target, arguments=arguments, bucket=bucket),
            slots=SignedKey(key=key, secret=bytes.fromhex(secret)),
            slot_bytes=header["slot_bytes"],
            count=header["count"],
        )
    except _GARBAGE as error:
        raise ValueError(f"{len(data)} bytes are no array: {error!r}") from error


def _told_of(place: Place) -> tuple[object, ...]:
    return place.key, place.start, place.sizes, place.digest


def _place(told: Sequence[Any]) -> Place:
    key, start, sizes, digest = told
    return Place(key=key, start=start, sizes=tuple(sizes), digest=digest)


def signed(data: bytes, place: SignedKey) -> bytes:
    """Return what is put into the store at this place for `data`."""
    return _signature(data, place) + data


def checked(data: Buffer, place: SignedKey) -> memoryview:
    """Return what was `signed`. Raises `ValueError` if it was signed with another secret, or for another place."""
    view = memoryview(data)
    if not hmac.compare_digest(view[:SIGNATURE_BYTES], _signature(view[SIGNATURE_BYTES:], place)):
        raise ValueError(f"object {place.key!r} is not signed by anybody of this job")
    return view[SIGNATURE_BYTES:]


def _signature(data: Buffer, place: SignedKey) -> bytes:
    mac = hmac.new(place.secret, place.key.encode() + b"\0", "sha256")
    mac.update(data)
    return mac.digest()


def encode_reports(reports: Sequence[Report]) -> bytes:
    """Lay out reports. Files that logs name are on this machine, so their names are left out."""
    told: list[dict[str, object]] = []
    parts: list[Buffer] = []
    for report in reports:
        told.append(
            {
                "activation": report.activation_id,
                "calls": (report.first, report.count, report.attempt),
                "worker": report.worker,
                "logs": [(log.call, log.tail) for log in report.logs],
                "buffers": len(report.results.buffers),
                "final": report.final,
            }
        )
        parts += (report.states, _columns(report), report.results.body)
        parts += report.results.buffers
    return _joined(_ANSWER, {"reports": told}, parts)


def decode_reports(data: Buffer) -> list[Report]:
    """Read what `encode_reports` wrote. Raises `ValueError` if it is anything else."""
    try:
        header, parts = _split(data, _ANSWER)
        return [_report(told, parts) for told in header["reports"]]
    except _GARBAGE as error:
        raise ValueError(f"{len(data)} bytes are no reports: {error!r}") from error


def _report(told: dict[str, Any], parts: Iterator[memoryview]) -> Report:
    first, count, attempt = told["calls"]
    states, columns = bytes(next(parts)), bytes(next(parts))
    results = _payload(parts, told["buffers"])
    started, ended, cpu_user, cpu_system, peak_kb, grown_kb = codec.decode_columns(columns, count)
    return Report(
        activation_id=told["activation"],
        first=first,
        count=count,
        attempt=attempt,
        states=states,
        results=results,
        started=started,
        ended=ended,
        cpu_user=cpu_user,
        cpu_system=cpu_system,
        peak_kb=peak_kb,
        grown_kb=grown_kb,
        worker=told["worker"],
        logs=[LogSlice(call=call, tail=tail) for call, tail in told["logs"]],
        final=told["final"],
    )


def _columns(report: Report) -> bytes:
    def woven(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
        return [value for pair in zip(one, other, strict=True) for value in pair]

    return codec.encode_columns(
        woven(report.started, report.ended),
        woven(report.cpu_user, report.cpu_system),
        woven(report.peak_kb, report.grown_kb),
    )


def _joined(kind: bytes, header: dict[str, object], parts: Sequence[Buffer]) -> bytes:
    header["sizes"] = [memoryview(part).nbytes for part in parts]
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((kind, _LENGTH.pack(len(text)), text, *parts))


def _split(data: Buffer, kind: bytes) -> tuple[dict[str, Any], Iterator[memoryview]]:
    view = memoryview(data)
    start = len(kind) + _LENGTH.size
    if view[: len(kind)] != kind:
        raise ValueError(f"they begin with {bytes(view[: len(kind)])!r}, not with {kind!r}")
    (length,) = _LENGTH.unpack_from(view, len(kind))
    header: dict[str, Any] = json.loads(bytes(view[start : start + length]))
    parts: list[memoryview] = []
    at = start + length
    for size in header["sizes"]:
        parts.append(view[at : at + size])
        at += size
    if at != view.nbytes:
        raise ValueError(f"their parts end at byte {at}")
    return header, iter(parts)


def _payload(parts: Iterator[memoryview], buffers: int) -> Payload:
    body = bytes(next(parts))
    # copies of their own: arrays made of them can be written to
    return Payload(body=body, buffers=tuple(memoryview(bytearray(next(parts))) for _ in range(buffers)))
