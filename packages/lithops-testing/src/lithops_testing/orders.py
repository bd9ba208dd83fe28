"""Activations that tests order by themselves, without an executor."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from functools import partial

import cloudpickle

from lithops.remote.envelope import Order, encode_order
from lithops.types import Activation, Block, CallRange, Lane, Payload, Report
from lithops.worker import codec
from lithops.worker.plan import CallPlan

_NUMBERS = itertools.count()


def order(
    function: Callable[..., object],
    items: Sequence[object],
    *,
    timeout_s: float = 30.0,
    response_bytes: int | None = None,
    attempt: int = 1,
) -> Activation:
    """Return an activation of one call per item, which must be numbers, texts, bytes or None.

    The function travels by value, so it is to be one that the test defines inside of itself.
    """
    ranges = (CallRange(first=0, count=len(items), attempt=attempt),)
    name = f"test-{os.getpid()}-{next(_NUMBERS)}"
    wanted = Order(
        activation_id=name,
        job_key="test-0-M000",
        ranges=ranges,
        timeout_s=timeout_s,
        function=Payload(body=cloudpickle.dumps(CallPlan(function), protocol=5)),
        blocks=(Block(first=0, count=len(items), payload=codec.encode_atoms(list(items))),),
        response_bytes=response_bytes,
    )
    payload = encode_order(wanted)
    return Activation(
        activation_id=name,
        job_key=wanted.job_key,
        ranges=ranges,
        lane=Lane.RESPONSE,
        timeout_s=timeout_s,
        deadline=time.monotonic() + len(items) * timeout_s + 60.0,
        ordered=time.monotonic(),
        payload=partial(bytes, payload),
        payload_bytes=len(payload),
    )


def results(reports: Sequence[Report]) -> list[object]:
    """Return what the calls of an activation returned, in their order; a `Failure` stands for what failed."""
    found: dict[int, object] = {}
    for report in reports:
        for k, entry in enumerate(codec.decode_results(report.results)):
            found[report.first + k] = entry.load() if isinstance(entry, codec.Pickled) else entry
    return [found[call] for call in sorted(found)]
