"""What an executor has in its store for its workers, and where."""

from __future__ import annotations

import hmac
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
    lithops.jobs/JOB/orders/NUMBER                  of the activations of an array
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
        self._uploading = threading.Lock()
        self._functions: dict[str, Place] = {}  # by digest
        self._secret = secrets.token_bytes(SIGNATURE_BYTES)
        self._adopted: dict[str, bytes] = {}  # secrets of jobs of an earlier process
        self._numbers = itertools.count(1)

    def put_function(self, function: Payload) -> Place:
        """Put a function into the store, unless it is there; return where it lies. Raises `StorageError`."""
        digest = fingerprint((function.body, *function.buffers))
        with self._uploading:  # whoever finds it being put there waits until it is
            place = self._functions.get(digest)
            if place is None:
                self._leftovers.expect()
                (place,) = self.payloads.put(self._functions_at + digest, (function,))
                self._functions[digest] = place
            return place

    def adopt(self, job_key: str, secret: bytes) -> None:
        """Take over a job of an earlier process."""
        self._adopted[job_key] = secret

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
        """Return what signs what driver and workers say of a job."""
        return self._adopted.get(job_key) or hmac.digest(self._secret, job_key.encode(), "sha256")


def report_key(executor_id: str, activation_id: str) -> str:
    """Return the key of the report of an activation; keys follow each other as activations do. Empty: their prefix."""
    prefix = f"{ROOT}{executor_id}/reports/"
    token, _, number = activation_id.rpartition("-")
    return f"{prefix}{token}/{int(number):010d}" if activation_id else prefix
