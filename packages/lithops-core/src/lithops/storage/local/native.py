"""What `Storage.get_client()` hands out for the local store: calls in the shape that clients of object stores have."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lithops.storage.ranges import parse_range
from lithops.types import (
    BucketRef,
    DeleteRequest,
    GetRequest,
    Json,
    ListRequest,
    ObjectMeta,
    ObjectRef,
    PutRequest,
    Readable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lithops.storage.store import Store


class NativeClient:
    """The most used calls of an object store's client, on a `Store`; errors are those of `lithops.errors`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_bucket(self, Bucket: str) -> Json:  # noqa: N803 - the names that these calls have everywhere
        """Make a bucket."""
        self._store.create_bucket(BucketRef(bucket=Bucket))
        return {}

    def put_object(
        self,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes | memoryview | Readable,  # noqa: N803
        Metadata: Mapping[str, str] | None = None,  # noqa: N803
    ) -> Json:
        """Write an object; returns `ETag`."""
        meta = self._store.put_object(PutRequest(bucket=Bucket, key=Key, body=Body, metadata=Metadata or {}))
        return {"ETag": meta.etag}

    def get_object(self, Bucket: str, Key: str, Range: str | None = None) -> Json:  # noqa: N803
        """Open an object; returns `Body` (a stream to close) beside what `head_object` returns."""
        wanted = parse_range(Range) if Range is not None else None
        body = self._store.get_object(GetRequest(bucket=Bucket, key=Key, range=wanted))
        return {"Body": body.stream, **_described(body.meta)}

    def head_object(self, Bucket: str, Key: str) -> Json:  # noqa: N803
        """Describe an object: `ContentLength` of all of it, `ETag`, `LastModified`, `Metadata`."""
        return _described(self._store.head_object(ObjectRef(bucket=Bucket, key=Key)))

    def list_objects_v2(self, Bucket: str, Prefix: str = "", StartAfter: str = "") -> Json:  # noqa: N803
        """List objects, all in one answer: `Contents` (only if there are any) and `KeyCount`."""
        listing = self._store.list_objects(ListRequest(bucket=Bucket, prefix=Prefix, start_after=StartAfter))
        contents = [listed(meta) for meta in listing.objects]
        return {"KeyCount": len(contents), "IsTruncated": False, **({"Contents": contents} if contents else {})}

    def delete_object(self, Bucket: str, Key: str) -> Json:  # noqa: N803
        """Delete an object, which need not exist."""
        self._store.delete_objects(DeleteRequest(bucket=Bucket, keys=(Key,)))
        return {}

    def upload_file(self, Filename: str, Bucket: str, Key: str) -> None:  # noqa: N803
        """Write a file as an object."""
        with open(Filename, "rb") as file:  # noqa: PTH123 - takes whatever the user's code takes for a file name
            self._store.put_object(PutRequest(bucket=Bucket, key=Key, body=file))

    def download_file(self, Bucket: str, Key: str, Filename: str) -> None:  # noqa: N803
        """Write an object to a file."""
        body = self._store.get_object(GetRequest(bucket=Bucket, key=Key))
        with contextlib.closing(body.stream), open(Filename, "wb") as file:  # noqa: PTH123 - as above
            while chunk := body.stream.read(1 << 20):
                file.write(chunk)


def listed(meta: ObjectMeta) -> Json:
    """Return an entry of a listing: `Key`, `Size`, `LastModified` (aware, UTC), `ETag`."""
    return {
        "Key": meta.key,
        "Size": meta.size_bytes,
        "LastModified": datetime.fromtimestamp(meta.modified, UTC),
        "ETag": meta.etag,
    }


def _described(meta: ObjectMeta) -> Json:
    return {
        "ContentLength": meta.size_bytes,
        "ETag": meta.etag,
        "LastModified": datetime.fromtimestamp(meta.modified, UTC),
        "Metadata": dict(meta.metadata),
    }
