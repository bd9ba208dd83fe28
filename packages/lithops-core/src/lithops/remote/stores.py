"""The stores of drivers, as workers open them, and what goes there instead of being returned."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lithops.remote.envelope import signed
from lithops.remote.payloads import PayloadStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lithops.remote.envelope import Order, StoreKey

_opened: dict[str, PayloadStore] = {}
"""Kept for as long as the platform keeps the process, as connections are worth keeping."""


def open_part(target: str, arguments: Mapping[str, Any]) -> Any:
    """Make what has the methods of a store; see `lithops.types.WorkerPart`."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)(**arguments)


def opened(key: StoreKey) -> PayloadStore:
    """Open a store, or return the one that is open."""
    name = f"{key.target} {key.bucket} {json.dumps(key.arguments, sort_keys=True)}"
    found = _opened.get(name)
    if found is None:
        found = _opened[name] = PayloadStore(open_part(key.target, key.arguments), key.bucket)
    return found


def delivered(order: Order, answer: bytes) -> bytes:
    """Return the answer to an activation, or nothing if it is to be in the store, where it is then.

    The first of several answers stays: an activation may have run before. Raises `StorageError`.
    """
    if order.report is None:
        return answer
    assert order.store is not None, "who names a place in a store names the store"
    opened(order.store).write_once(order.report.key, signed(answer, order.report))
    return b""
