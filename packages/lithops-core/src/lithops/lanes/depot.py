"""What an executor has in its store for its workers, and where."""

from __future__ import annotations

import itertools
import secrets
import threading
from typing import TYPE_CHECKING

from lithops.jobs.leftovers import ROOT
from lithops.remote.envelope import SIGNATURE_BYTES, ArrayOrder, SignedKey, StoreKey, encode_slots
from lithops.remote.payloads import PayloadStore, Place, fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.jobs.leftovers import Leftovers
    from lithops.remote.envelope import Order
    from lithops.storage import Storage
    from lithops.types import Payload, WorkerPart


class Depot:
    """The objects of one executor. Threads may share it.

    lithops.jobs/EXECUTOR/functions/DIGEST
    lithops.jobs/EXECUTOR/reports/TOKEN/NUMBER      of an activation
    lithops.jobs/JOB/inputs/NUMBER
    lithops.jobs/JOB/results/ACTIVATION             those that are too large for the report
    """

    def __init__(self, storage: Storage, part: WorkerPart, executor_id: str, leftovers: Leftovers) -> None:
        """`part` is what opens the store in a worker; `leftovers` is told before anything is put there."""
        self._leftovers = leftovers
        self.payloads = PayloadStore(storage.storage_handler, storage.bucket)
        self.key = StoreKey(target=part.target, arguments=part.arguments, bucket=storage.bucket)
        self._executor_id = executor_id
        self.reports = report_key(executor_id, "")
        """Keys of reports begin so."""
        self._functions_at = f"{ROOT}{executor_id}/functions/"
        self._lock, self._uploading = threading.Lock(), threading.Lock()
        self._functions: dict[
            int, tuple[Payload, Place]
        ] = {}  # by identity; kept, so that it cannot come to mean another
        self._secrets: dict[str, bytes] = {}
        self._numbers = itertools.count(1)

    def function(self, function: Payload) -> Place | None:
        """Return where a function lies, None if it was not put there."""
        known = self._functions.get(id(function))
        return None if known is None else known[1]

    def put_function(self, function: Payload) -> Place:
        """Put a function into the store, once. Raises `StorageError`."""
        with self._uploading:  # whoever finds it being put there waits until it is
            known = self.function(function)
            if known is None:
                self._leftovers.expect()
                key = self._functions_at + fingerprint((function.body, *function.buffers))
                (known,) = self.payloads.put(key, (function,))
                self._functions[id(function)] = function, known
            return known

    def adopt(self, job_key: str, secret: bytes) -> None:
        """Take over a job of an earlier process."""
        self._secrets[job_key] = secret

    def forget(self) -> None:
        """Take the store to be empty: it is about to be cleaned."""
        self._functions = {}

    def put_inputs(self, job_key: str, inputs: Sequence[Payload]) -> list[Place]:
        """Put inputs of a job into the store, as one object. Raises `StorageError`."""
        self._leftovers.expect()
        return self.payloads.put(f"{ROOT}{job_key}/inputs/{next(self._numbers):06d}", inputs)

    def put_orders(self, job_key: str, orders: Sequence[Order]) -> ArrayOrder:
        """Put the orders of an array into the store. Raises `StorageError`."""
        self._leftovers.expect()
        slots = SignedKey(key=f"{ROOT}{job_key}/orders/{next(self._numbers):06d}", secret=self.secret(job_key))
        data, slot_bytes = encode_slots(orders, slots)
        self.payloads.write(slots.key, data)
        return ArrayOrder(store=self.key, slots=slots, slot_bytes=slot_bytes, count=len(orders))

    def results(self, job_key: str) -> str:
        """Return what the keys of large results of a job begin with."""
        return f"{ROOT}{job_key}/results/"

    def report(self, job_key: str, activation_id: str) -> SignedKey:
        """Return where the report of an activation is to be put, and what signs it."""
        return SignedKey(key=report_key(self._executor_id, activation_id), secret=self.secret(job_key))

    def secret(self, job_key: str) -> bytes:
        """Return what signs the reports of a job."""
        secret = self._secrets.get(job_key)
        if secret is None:
            with self._lock:
                secret = self._secrets.setdefault(job_key, secrets.token_bytes(SIGNATURE_BYTES))
        return secret


def report_key(executor_id: str, activation_id: str) -> str:
    """Return the key of the report of an activation; keys follow each other as activations do. Empty: their prefix."""
    prefix = f"{ROOT}{executor_id}/reports/"
    token, _, number = activation_id.rpartition("-")
    return f"{prefix}{token}/{int(number):010d}" if activation_id else prefix
