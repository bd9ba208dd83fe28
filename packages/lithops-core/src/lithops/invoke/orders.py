"""From an activation to the bytes of its request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.errors import InputTooLargeError
from lithops.remote.envelope import Order, StoredBlock, encode_array, encode_order
from lithops.types import Lane, Payload
from lithops.worker.codec import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lithops.jobs.job import Job
    from lithops.jobs.journal import Journal
    from lithops.lanes.depot import Depot
    from lithops.types import Activation, Block, CallRange, CallSource, Limits

INLINE_BYTES = 256 * 1024
"""As many bytes of results stay in a report that goes through the store."""
SLOT_INPUT_BYTES = 16 * 1024
"""Larger inputs of an array lie in objects of their own: all slots are as large as the largest."""
OBJECT_BYTES = 32 << 20
"""Inputs are put into the store so many bytes at a time, or one that is larger."""
LARGE_SHARE = 8
"""What takes this part of a request, or more, goes into the store when the request is too large."""


class Orders:
    """Writes what the workers of one executor are told. Threads may share it."""

    def __init__(self, lane: Lane, limits: Limits, depot: Depot | None, journal: Journal | None) -> None:
        """`depot` is the executor's part of a store that workers reach; None if there is no such store."""
        self._journal = journal
        self._lane = lane
        self._depot = depot
        queued = limits.request_bytes if limits.queued_bytes is None else limits.queued_bytes
        self._most = queued if lane is Lane.STORAGE else limits.request_bytes
        self._response_bytes = limits.response_bytes if lane is Lane.RESPONSE else None

    def begin(self, job: Job) -> None:
        """Do once for a job what its activations need. Raises `StorageError`."""
        if self._lane is Lane.STORAGE:
            depot = self._store()
            job.function_place = depot.put_function(_source(job).function)
            if self._journal is not None:
                self._journal.began(job, depot.secret(job.key))

    def rendered(self, job: Job, activation_id: str, ranges: tuple[CallRange, ...]) -> bytes:
        """Return the request of an activation, with as much of function and inputs in it as is not in the store.

        Raises `InputTooLargeError` if it is larger than the backend takes.
        """
        order = self._order(job, activation_id, ranges)
        data = encode_order(order) if _size(order) <= self._most else None
        if data is None or len(data) > self._most:
            raise self._too_large(job, order, ranges)
        return data

    def gathered(self, job: Job, activations: Sequence[Activation]) -> bytes:
        """Return the request of an array of activations, all of whose orders are in the store then.

        Raises `StorageError`.
        """
        depot = self._store()
        large = {
            call: payload
            for activation in activations
            for call, payload in _inputs(job, activation.ranges)
            if payload.nbytes > SLOT_INPUT_BYTES
        }
        for calls in _loads(large):
            job.places.update(zip(calls, depot.put_inputs(job.key, [large[call] for call in calls]), strict=True))
        orders = [self._order(job, activation.activation_id, activation.ranges) for activation in activations]
        return encode_array(depot.put_orders(job.key, orders))

    def put_away(self, job: Job, activation_id: str, part: CallRange) -> None:
        """Put into the store what is too large of an activation of one call.

        Raises `StorageError`, and `InputTooLargeError` if the rest of it is still too large.
        """
        if self._depot is not None:
            source, least = _source(job), self._most // LARGE_SHARE
            if source.function.nbytes >= least:
                job.function_place = self._depot.put_function(source.function)
            call = part.first
            if call not in job.places and (payload := _input(source, call).payload).nbytes >= least:
                (job.places[call],) = self._depot.put_inputs(job.key, (payload,))
        self.rendered(job, activation_id, (part,))

    def _order(self, job: Job, activation_id: str, ranges: tuple[CallRange, ...]) -> Order:
        source, depot = _source(job), self._depot
        stored = tuple(_stored(job, ranges)) if job.places else ()
        return Order(
            activation_id=activation_id,
            job_key=job.key,
            ranges=ranges,
            timeout_s=job.facts.timeout_s,
            function=job.function_place or source.function,
            blocks=tuple(_blocks(source, ranges, {block.first for block in stored})),
            stored=stored,
            store=None if depot is None else depot.key,
            report=depot.report(job.key, activation_id) if depot is not None and self._lane is Lane.STORAGE else None,
            results="" if depot is None else depot.results(job.key),
            inline_bytes=INLINE_BYTES if self._response_bytes is None else self._response_bytes,
            response_bytes=self._response_bytes,
        )

    def _store(self) -> Depot:
        assert self._depot is not None, "this lane goes through a store"
        return self._depot

    def _too_large(self, job: Job, order: Order, ranges: tuple[CallRange, ...]) -> InputTooLargeError:
        facts = job.facts
        function = job.source.function.nbytes if job.source is not None else 0
        return InputTooLargeError(
            f"the function ({function:,} bytes) and the input of call {ranges[0].first:05d} of {facts.function_name!r} "
            f"make a request of {_size(order):,} bytes, and backend {facts.backend!r} takes {self._most:,}; configure a "
            "storage backend that its workers can reach, put large data there and hand over where it is, or choose "
            "another backend"
        )


def _source(job: Job) -> CallSource:
    assert job.source is not None, "a job that is started has its inputs"
    return job.source


def _stored(job: Job, ranges: tuple[CallRange, ...]) -> Iterator[StoredBlock]:
    """Yield the inputs that lie in the store, call by call."""
    for part in ranges:
        for call in range(part.first, part.first + part.count):
            if (place := job.places.get(call)) is not None:
                yield StoredBlock(first=call, count=1, place=place)


def _blocks(source: CallSource, ranges: tuple[CallRange, ...], stored: set[int]) -> Iterator[Block]:
    """Yield the inputs that do not."""
    for part in ranges:
        call, end = part.first, part.first + part.count
        while call < end:
            if call in stored:
                call += 1
                continue
            block = source.block_of(call)
            stop = min(end, block.first + block.count)
            if stored:
                stop = next((other for other in range(call + 1, stop) if other in stored), stop)
            yield cut(block, call, stop - call)
            call = stop


def _inputs(job: Job, ranges: tuple[CallRange, ...]) -> Iterator[tuple[int, Payload]]:
    """Yield the inputs that are not in the store, call by call."""
    source = _source(job)
    for part in ranges:
        for call in range(part.first, part.first + part.count):
            if call not in job.places:
                yield call, _input(source, call).payload


def _loads(payloads: Mapping[int, Payload]) -> Iterator[list[int]]:
    """Yield calls whose payloads make an object of reasonable size."""
    calls: list[int] = []
    size = 0
    for call, payload in payloads.items():
        calls.append(call)
        size += payload.nbytes
        if size >= OBJECT_BYTES:
            yield calls
            calls, size = [], 0
    if calls:
        yield calls


def _input(source: CallSource, call: int) -> Block:
    return cut(source.block_of(call), call, 1)


def _size(order: Order) -> int:
    """Return how large a request is at least, without making it."""
    function = order.function.nbytes if isinstance(order.function, Payload) else 0
    return function + sum(block.payload.nbytes for block in order.blocks)
