"""From an activation to the bytes of its request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lithops.errors import InputTooLargeError
from lithops.remote.envelope import Order, encode_order
from lithops.worker.codec import cut

if TYPE_CHECKING:
    from lithops.jobs.job import Job
    from lithops.types import Block, CallRange, CallSource, Limits


def rendered(job: Job, activation_id: str, ranges: tuple[CallRange, ...], limits: Limits) -> bytes:
    """Return the request of an activation, with the function and the inputs in it.

    Raises `InputTooLargeError` if it is larger than the backend takes.
    """
    assert job.source is not None, "a job that is started has its inputs"
    order = Order(
        activation_id=activation_id,
        job_key=job.key,
        ranges=ranges,
        timeout_s=job.facts.timeout_s,
        function=job.source.function,
        blocks=tuple(_blocks(job.source, ranges)),
        response_bytes=limits.response_bytes or None,
    )
    data = encode_order(order)
    if len(data) > limits.request_bytes:
        function = len(order.function.body) + sum(buffer.nbytes for buffer in order.function.buffers)
        raise InputTooLargeError(
            f"the function ({function:,} bytes) and the input of call {ranges[0].first:05d} of "
            f"{job.facts.function_name!r} make a request of {len(data):,} bytes, and backend {job.facts.backend!r} takes "
            f"{limits.request_bytes:,}; put large data into storage and hand over where it is, or choose another backend"
        )
    return data


def _blocks(source: CallSource, ranges: tuple[CallRange, ...]) -> Iterator[Block]:
    for part in ranges:
        call, end = part.first, part.first + part.count
        while call < end:
            block = source.block_of(call)
            stop = min(end, block.first + block.count)
            yield cut(block, call, stop - call)
            call = stop
