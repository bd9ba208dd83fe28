"""What an entry point calls with what came in a request; it answers with what goes into the response.

The handler lives as long as the platform keeps the environment. Behind it is the same pool of worker processes as
everywhere: it stays warm between activations, and a call that crashes or runs too long takes a worker down, not the
environment.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING

from lithops import errors
from lithops.pool.options import PoolOptions
from lithops.pool.pool import Pool
from lithops.remote.answer import Answer
from lithops.remote.envelope import activation_of, decode_array, decode_order, decode_slot, is_array
from lithops.remote.payloads import Place, fingerprint
from lithops.remote.stores import delivered, opened
from lithops.types import Block, ByteRange, Receipt

if TYPE_CHECKING:
    from lithops.remote.envelope import Order
    from lithops.remote.payloads import PayloadStore
    from lithops.types import Payload

KEPT_FUNCTIONS = 16
_FOREVER = float("inf")
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - 12 ms of a cold start


class Handler:
    """Runs activations, one after the other, in `workers` processes.

    Call it on one thread. What calls print goes to the standard streams of the environment as it comes, and its tail
    into the reports.
    """

    def __init__(self, *, workers: int = 1, memory_mb: int | None = None) -> None:
        self._functions: OrderedDict[str, Payload] = OrderedDict()
        self._pool = Pool(
            PoolOptions(
                workers=workers,
                python=sys.executable,
                library=_HOME,
                path=tuple(sys.path),
                memory_mb=memory_mb,
                live=_echo,
            )
        )

    def handle(self, data: bytes, index: int = 0) -> bytes:
        """Run the activation that `lithops.remote.envelope.encode_order` wrote, or the one at `index` of an array.

        Returns its reports, or nothing if they are to be put into a store. Raises `ValueError` if it is no activation,
        `StorageError` if a store has not what it should have or does not take the reports. Whatever the calls do, there
        is a report of each.
        """
        order = _of_array(data, index) if is_array(data) else decode_order(data)
        payloads = None if order.store is None else opened(order.store)
        answer = Answer(order, payloads)
        try:
            function, blocks = self._function(order, payloads), _blocks(order, payloads)
        except errors.StorageError as error:
            answer.cut_off(error)
        else:
            self._pool.submit(
                activation_of(order, function, blocks),
                answer,
                Receipt(activation_ids=(order.activation_id,), backend_ref=""),
            )
        while not answer.complete:
            self._pool.run_until(lambda: answer.complete, _FOREVER)
        told = answer.encoded()
        return delivered(order, told)

    def close(self) -> None:
        """End the worker processes; idempotent."""
        self._pool.close()

    def _function(self, order: Order, payloads: PayloadStore | None) -> Payload:
        """Return the same object for the same function, by which the pool knows that workers have it."""
        function = order.function
        digest = function.digest if isinstance(function, Place) else fingerprint((function.body, *function.buffers))
        kept = self._functions.get(digest)
        if kept is None:
            if isinstance(function, Place):
                assert payloads is not None, "who names a place in a store names the store"
                (function,) = payloads.get((function,))
            kept = self._functions[digest] = function
        self._functions.move_to_end(digest)
        while len(self._functions) > KEPT_FUNCTIONS:
            self._functions.popitem(last=False)
        return kept


def _of_array(data: bytes, index: int) -> Order:
    """Read the order of one activation of an array from the store."""
    array = decode_array(data)
    start = index * array.slot_bytes
    part = ByteRange(start=start, end=start + array.slot_bytes - 1)
    return decode_slot(opened(array.store).read(array.slots.key, part), array, index)


def _blocks(order: Order, payloads: PayloadStore | None) -> tuple[Block, ...]:
    """Return all inputs of an activation."""
    if payloads is None or not order.stored:
        return order.blocks
    found = payloads.get([block.place for block in order.stored])
    return order.blocks + tuple(
        Block(first=block.first, count=block.count, payload=payload)
        for block, payload in zip(order.stored, found, strict=True)
    )


def _echo(stream: int, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the platform has closed it; the tail travels anyway
        os.write(stream, data)
