"""How activations and reports are laid out where they travel as one piece: in a request, in a response, in an object.

Both are a short JSON header and the parts it lists, one behind the other:

    b"LR1\\n" or b"LA1\\n", length of the header (4 bytes, little-endian), header, parts

The parts of an activation are the function and its buffers, then each block and its buffers; those of an answer are
per report the states of its calls, what was measured of them, their results and the buffers of these.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from lithops.records import record
from lithops.types import Activation, Block, CallRange, Lane, LogSlice, Payload, Report
from lithops.worker import codec

_ORDER, _ANSWER = b"LR1\n", b"LA1\n"
_LENGTH = struct.Struct("<I")
_FOREVER = float("inf")
_GARBAGE = (ValueError, KeyError, TypeError, IndexError, StopIteration, RuntimeError, struct.error)

Buffer = bytes | memoryview


@record
class Order:
    """An activation with all it needs, as a worker finds it in a request."""

    activation_id: str
    job_key: str
    ranges: tuple[CallRange, ...]
    timeout_s: float
    function: Payload
    blocks: tuple[Block, ...]
    response_bytes: int | None = None
    """Most bytes that the answer may have."""

    @property
    def shared(self) -> tuple[memoryview, ...]:
        """See `lithops.types.CallSource`."""
        return ()

    def block_of(self, call: int) -> Block:
        """See `lithops.types.CallSource`."""
        for block in self.blocks:
            if block.first <= call < block.first + block.count:
                return block
        raise LookupError(f"activation {self.activation_id!r} has no input of call {call}")

    def activation(self) -> Activation:
        """Return what a pool takes."""
        return Activation(
            activation_id=self.activation_id,
            job_key=self.job_key,
            ranges=self.ranges,
            lane=Lane.STREAM,
            timeout_s=self.timeout_s,
            deadline=_FOREVER,
            source=self,
        )


def encode_order(order: Order) -> bytes:
    """Lay out an activation."""
    payloads = [order.function, *(block.payload for block in order.blocks)]
    header: dict[str, object] = {
        "activation": order.activation_id,
        "job": order.job_key,
        "ranges": [(part.first, part.count, part.attempt) for part in order.ranges],
        "timeout_s": None if order.timeout_s == _FOREVER else order.timeout_s,
        "response_bytes": order.response_bytes,
        "blocks": [(block.first, block.count) for block in order.blocks],
        "buffers": [len(payload.buffers) for payload in payloads],
    }
    return _joined(_ORDER, header, [part for payload in payloads for part in (payload.body, *payload.buffers)])


def decode_order(data: Buffer) -> Order:
    """Read what `encode_order` wrote. Raises `ValueError` if it is anything else."""
    try:
        header, parts = _split(data, _ORDER)
        function, *inputs = [_payload(parts, count) for count in header["buffers"]]
        timeout_s = header["timeout_s"]
        return Order(
            activation_id=header["activation"],
            job_key=header["job"],
            ranges=tuple(CallRange(first=a, count=n, attempt=t) for a, n, t in header["ranges"]),
            timeout_s=_FOREVER if timeout_s is None else timeout_s,
            function=function,
            blocks=tuple(
                Block(first=first, count=count, payload=payload)
                for (first, count), payload in zip(header["blocks"], inputs, strict=True)
            ),
            response_bytes=header["response_bytes"],
        )
    except _GARBAGE as error:
        raise ValueError(f"{len(data)} bytes are no activation: {error!r}") from error


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
    return Payload(body=body, buffers=tuple(next(parts) for _ in range(buffers)))
