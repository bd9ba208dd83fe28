"""The local store as a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.hookspecs import hookimpl
from lithops.storage.local.backend import default_root
from lithops.storage.local.client import LocalStorageClient

if TYPE_CHECKING:
    from lithops.storage.local.config import LocalStorageConfig
    from lithops.types import (
        BucketMeta,
        BucketRef,
        CopyRequest,
        DeleteReport,
        DeleteRequest,
        ExecutorInfo,
        GetRequest,
        ListRequest,
        ObjectBody,
        ObjectListing,
        ObjectMeta,
        ObjectRef,
        PutRequest,
        WorkerPart,
    )


class LocalStorage:
    """Keep objects as private files of this user, on this machine."""

    name = "localhost"
    Config = "lithops.storage.local.config:LocalStorageConfig"  # by name: the defaults need no pydantic

    def __init__(self) -> None:
        self._client: LocalStorageClient | None = None

    @property
    def client(self) -> LocalStorageClient:
        """The worker part, which does the work; in its default place unless `configure` said otherwise."""
        if self._client is None:
            self._client = LocalStorageClient(default_root())
        return self._client

    @hookimpl
    def configure(self, config: LocalStorageConfig | None, executor: ExecutorInfo) -> None:
        """Settle where the store lies."""
        chosen = config.root if config is not None else None
        self._client = LocalStorageClient(chosen if chosen is not None else default_root(executor.state_dir))

    @hookimpl
    def put_object(self, request: PutRequest) -> ObjectMeta:
        """Write an object; its bucket is made if need be."""
        return self.client.put_object(request)

    @hookimpl
    def put_if_absent(self, request: PutRequest) -> ObjectMeta:
        """Write an object that must not exist yet."""
        return self.client.put_if_absent(request)

    @hookimpl
    def get_object(self, request: GetRequest) -> ObjectBody:
        """Open an object or a range of it."""
        return self.client.get_object(request)

    @hookimpl
    def head_object(self, request: ObjectRef) -> ObjectMeta:
        """Describe an object."""
        return self.client.head_object(request)

    @hookimpl
    def list_objects(self, request: ListRequest) -> ObjectListing:
        """List objects in byte order."""
        return self.client.list_objects(request)

    @hookimpl
    def delete_objects(self, request: DeleteRequest) -> DeleteReport:
        """Delete objects."""
        return self.client.delete_objects(request)

    @hookimpl
    def copy_object(self, request: CopyRequest) -> ObjectMeta:
        """Copy an object with its metadata."""
        return self.client.copy_object(request)

    @hookimpl
    def create_bucket(self, request: BucketRef) -> BucketMeta:
        """Make a bucket."""
        return self.client.create_bucket(request)

    @hookimpl
    def head_bucket(self, request: BucketRef) -> BucketMeta:
        """Describe a bucket."""
        return self.client.head_bucket(request)

    @hookimpl
    def worker_part(self) -> WorkerPart:
        """Say what opens this store in a worker on this machine."""
        return self.client.worker_part()
