"""The backend, as the core sees it: hooks only. What they do is in `client`, and in `backend` what only drivers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.hookspecs import hookimpl

if TYPE_CHECKING:
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
        PresignedUrl,
        PresignRequest,
        PutRequest,
        WorkerPart,
    )
    from lithops_testing.backends.store.backend import Backend
    from lithops_testing.backends.store.client import StoreClient
    from lithops_testing.backends.store.config import StoreDoubleConfig


class StoreDouble:
    """Keeps objects in an object store that is reached by HTTPS."""

    name = "store_double"
    Config = "lithops_testing.backends.store.config:StoreDoubleConfig"

    def __init__(self) -> None:
        self._backend: Backend | None = None

    @hookimpl
    def configure(self, config: StoreDoubleConfig, executor: ExecutorInfo) -> None:
        """Keep the section; nothing is asked of the store yet."""
        from lithops_testing.backends.store.backend import Backend

        self._backend = Backend(config)

    @hookimpl
    def put_object(self, request: PutRequest) -> ObjectMeta:
        """Write an object."""
        return self._client().put_object(request)

    @hookimpl
    def put_if_absent(self, request: PutRequest) -> ObjectMeta:
        """Write an object that must not exist yet."""
        return self._client().put_if_absent(request)

    @hookimpl
    def get_object(self, request: GetRequest) -> ObjectBody:
        """Open an object or a range of it."""
        return self._client().get_object(request)

    @hookimpl
    def head_object(self, request: ObjectRef) -> ObjectMeta:
        """Describe an object."""
        return self._client().head_object(request)

    @hookimpl
    def list_objects(self, request: ListRequest) -> ObjectListing:
        """List objects in byte order."""
        return self._client().list_objects(request)

    @hookimpl
    def delete_objects(self, request: DeleteRequest) -> DeleteReport:
        """Delete objects."""
        return self._client().delete_objects(request)

    @hookimpl
    def copy_object(self, request: CopyRequest) -> ObjectMeta:
        """Copy an object inside the store."""
        return self._client().copy_object(request)

    @hookimpl
    def create_bucket(self, request: BucketRef) -> BucketMeta:
        """Make a bucket."""
        return self._client().create_bucket(request)

    @hookimpl
    def head_bucket(self, request: BucketRef) -> BucketMeta:
        """Describe a bucket."""
        return self._client().head_bucket(request)

    @hookimpl
    def worker_part(self) -> WorkerPart:
        """Say what opens the same store in a worker."""
        return self._ready().worker_part()

    @hookimpl
    def presign(self, request: PresignRequest) -> PresignedUrl:
        """Make a URL that carries permission for one object."""
        return self._ready().presign(request)

    @hookimpl
    def close(self) -> None:
        """Forget the section, and with it the connections."""
        self._backend = None

    def _client(self) -> StoreClient:
        return self._ready().client

    def _ready(self) -> Backend:
        assert self._backend is not None, "configure comes first, close last"
        return self._backend
