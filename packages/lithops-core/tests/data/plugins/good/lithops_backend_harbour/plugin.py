from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import lithops
from lithops.errors import ObjectNotFound
from lithops.hookspecs import ComputeSpec
from lithops.types import (
    Activation,
    ExecutorInfo,
    GetRequest,
    Limits,
    ObjectBody,
    ObjectMeta,
    PutRequest,
    Receipt,
    Sink,
)

from lithops_backend_harbour.config import HarbourConfig


class Harbour(ComputeSpec):
    """Accepts every activation and runs none."""

    name = "harbour"
    Config = HarbourConfig
    provider = "acme"

    @lithops.hookimpl
    def limits(self, config: HarbourConfig | None) -> Limits:
        return Limits(in_flight=config.berths if config else 1)

    @lithops.hookimpl
    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        receipts = [Receipt(activation_ids=(a.activation_id,), backend_ref=f"berth-{a.index}") for a in activations]
        for receipt in receipts:
            sink.accepted(receipt)
        return receipts


class HarbourStore:
    """Keeps objects in memory."""

    name = "harbour"
    Config = None

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], bytes] = {}

    @lithops.hookimpl
    def put_object(self, request: PutRequest) -> ObjectMeta:
        body = request.body
        self._objects[request.bucket, request.key] = bytes(body) if isinstance(body, bytes | memoryview) else body.read()
        return self._meta(request.bucket, request.key)

    @lithops.hookimpl
    def get_object(self, request: GetRequest) -> ObjectBody:
        meta = self._meta(request.bucket, request.key)
        return ObjectBody(meta=meta, stream=io.BytesIO(self._objects[request.bucket, request.key]))

    def _meta(self, bucket: str, key: str) -> ObjectMeta:
        try:
            body = self._objects[bucket, key]
        except KeyError:
            raise ObjectNotFound(f"no object {key!r} in bucket {bucket!r}; see its keys with list_objects") from None
        return ObjectMeta(bucket=bucket, key=key, size_bytes=len(body), etag=str(hash(body)), modified=0.0)


class Watch:
    """Wraps `invoke` and notes what it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @lithops.hookimpl
    def configure(self, config: object, executor: ExecutorInfo) -> None:
        self.seen.append(f"executor {executor.executor_id}, config {config!r}")

    @lithops.hookimpl(wrapper=True)
    def invoke(
        self, activations: Sequence[Activation], sink: Sink
    ) -> Iterator[None]:
        self.seen.append(f"invoke of {len(activations)}")
        receipts = yield
        self.seen.append(f"{len(receipts)} accepted")
        return receipts
