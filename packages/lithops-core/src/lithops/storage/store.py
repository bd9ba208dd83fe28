"""What a store can do, as a type: the storage hooks that every store has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lithops.types import (
        BucketMeta,
        BucketRef,
        CopyRequest,
        DeleteReport,
        DeleteRequest,
        GetRequest,
        ListRequest,
        ObjectBody,
        ObjectListing,
        ObjectMeta,
        ObjectRef,
        PutRequest,
        WorkerPart,
    )


class Store(Protocol):
    """The hooks of `lithops.hookspecs.StorageSpec` but `presign`: a plugin, its worker part, or a plugin manager."""

    def put_object(self, request: PutRequest) -> ObjectMeta:
        """Write an object, whole or not at all."""

    def put_if_absent(self, request: PutRequest) -> ObjectMeta:
        """Write an object that must not exist yet, else raise `PreconditionFailed`."""

    def get_object(self, request: GetRequest) -> ObjectBody:
        """Open an object or a range of it for reading."""

    def head_object(self, request: ObjectRef) -> ObjectMeta:
        """Describe an object."""

    def list_objects(self, request: ListRequest) -> ObjectListing:
        """List objects in the byte order of their keys."""

    def delete_objects(self, request: DeleteRequest) -> DeleteReport:
        """Delete objects; idempotent."""

    def copy_object(self, request: CopyRequest) -> ObjectMeta:
        """Copy an object inside the store."""

    def create_bucket(self, request: BucketRef) -> BucketMeta:
        """Make a bucket; one that is already ours is success."""

    def head_bucket(self, request: BucketRef) -> BucketMeta:
        """Describe a bucket."""


class DriverStore(Store, Protocol):
    """A store that the driver has opened: a plugin or a plugin manager."""

    def worker_part(self) -> WorkerPart:
        """Say what opens the same store in a worker."""
