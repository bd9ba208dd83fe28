"""`Storage`: what users' functions and programs call to reach an object store."""

from __future__ import annotations

import contextlib
import os
import reprlib
from typing import TYPE_CHECKING, Any, Literal, overload

from lithops.errors import BadCallError, StorageError, StorageMismatchError
from lithops.storage.cloudobject import CloudObject, cloudobject_of, cloudobjects_of
from lithops.types import (
    BucketRef,
    ByteRange,
    DeleteRequest,
    GetRequest,
    Json,
    ListRequest,
    ObjectMeta,
    ObjectRef,
    PutRequest,
    Readable,
    ReadableStream,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lithops.storage.store import DriverStore

_CHUNK_BYTES = 1 << 20
TEMP_PREFIX = "lithops.jobs/tmp"
"""Cloud objects without a key of their own are named below this."""
SESSION_VARIABLE = "__LITHOPS_SESSION_ID"

Body = bytes | bytearray | memoryview | str | Readable


class Storage:
    """An object store, the one of the configuration unless told otherwise.

    `storage_config` is what `get_storage_config` returns; `config` is a whole configuration; `backend` names a store.
    Buckets are named in every call; `bucket` is the one that cloud objects go to. A pickle carries no secrets: where
    it is loaded, they come from the configuration or the platform's identity there. Errors are those of
    `lithops.errors`: `ObjectNotFound`, `BucketNotFound`, `AccessDenied`, `StorageUnavailable`, `StorageError`.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        backend: str | None = None,
        storage_config: Mapping[str, Any] | None = None,
    ) -> None:
        from lithops.storage.opening import choose, open_store

        choice = choose(config, backend, storage_config)
        self._settle(open_store(choice), choice.backend, choice.bucket, choice.section, choice.config)

    @classmethod
    def over(cls, store: DriverStore, *, backend: str, bucket: str, section: Mapping[str, Any]) -> Storage:
        """Make a `Storage` on a store that is open already, for whoever manages stores."""
        storage = cls.__new__(cls)
        storage._settle(store, backend, bucket, section, None)
        return storage

    def _settle(
        self,
        store: DriverStore,
        backend: str,
        bucket: str,
        section: Mapping[str, Any],
        config: Mapping[str, Any] | None,
    ) -> None:
        self.storage_handler = store
        self.backend = backend
        self.bucket = bucket
        self.config = config if config is not None else {"lithops": {"storage": backend}, backend: dict(section)}
        self.storage_config: Json = {"backend": backend, "bucket": bucket, backend: dict(section)}

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        from lithops.storage.opening import without_secrets

        section = without_secrets(self.storage_config[self.backend])
        place = self.backend, self.bucket, section
        if self.backend == "localhost":
            return reopen, place
        from lithops.errors import PluginError

        try:
            part = self.storage_handler.worker_part()
        except PluginError:  # it has none, so the plugin has to be where this goes
            return reopen, place
        return reopen, (*place, (part.target, dict(part.arguments)))

    def __repr__(self) -> str:
        return f"<Storage {self.backend}, bucket {self.bucket!r}>"

    def get_client(self) -> object:
        """Return the client of the store's own library; for the local store, an object with calls of that shape."""
        if self.backend == "localhost":
            from lithops.storage.local.native import NativeClient

            return NativeClient(self.storage_handler)
        plugin = getattr(self.storage_handler, "storage", self.storage_handler)
        client = getattr(plugin, "get_client", None)
        if client is None:
            raise StorageError(
                f"the storage backend {self.backend!r} has no client of its own; use the methods of Storage"
            )
        opened: object = client()
        return opened

    def get_storage_config(self) -> Json:
        """Return what `Storage(storage_config=...)` takes; secrets in it are `SecretStr`."""
        return {**self.storage_config, self.backend: dict(self.storage_config[self.backend])}

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one that is already ours is success."""
        self.storage_handler.create_bucket(BucketRef(bucket=bucket))

    def head_bucket(self, bucket: str) -> Json:
        """Say that a bucket exists; `BucketNotFound` if not."""
        self.storage_handler.head_bucket(BucketRef(bucket=bucket))
        return {"Bucket": bucket, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def put_object(self, bucket: str, key: str, body: Body) -> None:
        """Write bytes, text (as UTF-8) or what a binary file yields from where it stands, whole or not at all.

        Raises `BadCallError` for anything else.
        """
        self.storage_handler.put_object(PutRequest(bucket=bucket, key=key, body=_as_bytes(body)))

    @overload
    def get_object(
        self, bucket: str, key: str, stream: Literal[False] = False, extra_get_args: Mapping[str, str] | None = None
    ) -> bytes: ...
    @overload
    def get_object(
        self, bucket: str, key: str, stream: bool, extra_get_args: Mapping[str, str] | None = None
    ) -> Any: ...
    def get_object(
        self, bucket: str, key: str, stream: bool = False, extra_get_args: Mapping[str, str] | None = None
    ) -> bytes | ReadableStream:
        """Return an object, or with `stream` a binary file to read it from and to close.

        `extra_get_args={"Range": "bytes=0-99"}` reads a part; the part of it that lies past the end is left out.
        """
        wanted = _wanted_range(extra_get_args or {})
        body = self.storage_handler.get_object(GetRequest(bucket=bucket, key=key, range=wanted))
        if stream:
            return body.stream
        with contextlib.closing(body.stream):
            return body.stream.read()

    def head_object(self, bucket: str, key: str) -> dict[str, str]:
        """Describe an object by lower-case HTTP headers: `content-length`, `etag`, `last-modified`, `x-meta-...`."""
        meta = self.storage_handler.head_object(ObjectRef(bucket=bucket, key=key))
        return {
            "content-length": str(meta.size_bytes),
            "etag": meta.etag,
            "last-modified": _http_date(meta.modified),
            **{f"x-meta-{name.lower()}": value for name, value in meta.metadata.items()},
        }

    def upload_file(
        self,
        file_name: str | os.PathLike[str],
        bucket: str,
        key: str | None = None,
        extra_args: Mapping[str, Any] | None = None,
        config: object = None,
    ) -> bool:
        """Write a file as an object, by default under the file's own name. True, or an error is raised.

        Of `extra_args`, `Metadata` is kept; `config` (how a vendor's library transfers) changes nothing.
        """
        del config
        extra = dict(extra_args or {})
        metadata = extra.pop("Metadata", {})
        if extra:
            raise StorageError(f"upload_file cannot do {_listed(extra)} of extra_args; it knows 'Metadata' only")
        name = os.fspath(file_name)
        with open(name, "rb") as file:  # noqa: PTH123 - pathlib would cost more than a small upload
            self.storage_handler.put_object(
                PutRequest(bucket=bucket, key=key or _base(name), body=file, metadata=metadata)
            )
        return True

    def download_file(
        self,
        bucket: str,
        key: str,
        file_name: str | os.PathLike[str] | None = None,
        extra_args: Mapping[str, str] | None = None,
        config: object = None,
    ) -> bool:
        """Write an object to a file, by default named like the last part of the key. True, or an error is raised.

        Missing folders are made. The file appears whole or not at all. `extra_args` may hold `Range`.
        """
        del config
        target = os.fspath(file_name) if file_name is not None else _base(key)
        wanted = _wanted_range(extra_args or {})
        body = self.storage_handler.get_object(GetRequest(bucket=bucket, key=key, range=wanted))
        with contextlib.closing(body.stream):
            _write_file(target, body.stream)
        return True

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object, which need not exist."""
        self.storage_handler.delete_objects(DeleteRequest(bucket=bucket, keys=(key,)))

    def delete_objects(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects, which need not exist. Raises `BadCallError` for one key that stands in no list."""
        self.storage_handler.delete_objects(DeleteRequest(bucket=bucket, keys=_keys(keys)))

    def list_objects(self, bucket: str, prefix: str | None = None, match_pattern: str | None = None) -> list[Json]:
        """List objects in the byte order of their keys, as dicts with `Key`, `Size`, `LastModified` and `ETag`.

        `match_pattern` is a glob that the whole key must match; `*` matches slashes too.
        """
        from lithops.storage.local.native import listed

        return [listed(meta) for meta in self._matching(bucket, prefix, match_pattern)]

    def list_keys(self, bucket: str, prefix: str | None = None) -> list[str]:
        """List the keys of objects, in byte order."""
        return [meta.key for meta in self._matching(bucket, prefix, None)]

    def put_cloudobject(self, body: Body, bucket: str | None = None, key: str | None = None) -> CloudObject:
        """Write an object under a fresh key, or the one given, and return a reference that functions can take."""
        where = bucket or self.bucket
        if not where:
            raise StorageError(
                f"put_cloudobject needs a bucket: name one, or set 'storage_bucket' in section {self.backend!r}"
            )
        if key is None:
            session = os.environ.get(SESSION_VARIABLE) or "nosession"
            key = f"{TEMP_PREFIX}/{session}/cloudobject_{os.urandom(8).hex()}"
        self.put_object(where, key, body)
        return CloudObject(self.backend, where, key)

    def get_cloudobject(self, cloudobject: CloudObject, stream: bool = False) -> Any:
        """Return what a cloud object refers to: bytes, or with `stream` a binary file to close."""
        self._require_own(cloudobject_of("cloudobject", cloudobject))
        return self.get_object(cloudobject.bucket, cloudobject.key, stream=stream)

    def delete_cloudobject(self, cloudobject: CloudObject) -> None:
        """Delete what a cloud object refers to, which need not exist."""
        self.delete_cloudobjects([cloudobject_of("cloudobject", cloudobject)])

    def delete_cloudobjects(self, cloudobjects: Iterable[CloudObject]) -> None:
        """Delete what cloud objects refer to, in whatever buckets; none of it if one belongs to another store."""
        keys: dict[str, list[str]] = {}
        for cloudobject in cloudobjects_of("cloudobjects", cloudobjects):
            self._require_own(cloudobject)
            keys.setdefault(cloudobject.bucket, []).append(cloudobject.key)
        for bucket, chosen in keys.items():
            self.delete_objects(bucket, chosen)

    def _matching(self, bucket: str, prefix: str | None, pattern: str | None) -> Iterator[ObjectMeta]:
        found = self.storage_handler.list_objects(ListRequest(bucket=bucket, prefix=prefix or "")).objects
        if pattern is None:
            return found
        from fnmatch import fnmatchcase

        return (meta for meta in found if fnmatchcase(meta.key, pattern))

    def _require_own(self, cloudobject: CloudObject) -> None:
        if cloudobject.backend != self.backend:
            raise StorageMismatchError(
                f"{cloudobject!r} belongs to the storage backend {cloudobject.backend!r} but this is {self.backend!r}; "
                f"use Storage(backend={cloudobject.backend!r})"
            )


def reopen(backend: str, bucket: str, plain: dict[str, Any], part: tuple[str, dict[str, Any]] | None = None) -> Storage:
    """Make a `Storage` again from what a pickle may carry; secrets come from the configuration found here, if any.

    Where there is neither that nor the plugin, as on most workers, `part` opens the store: the target and the arguments
    of its `lithops.types.WorkerPart`.
    """
    section = plain
    if backend != "localhost":
        from lithops.errors import ConfigError, PluginError

        try:
            from lithops.config import resolve

            section = {**resolve(storage=backend).as_dict(reveal=True).get(backend, {}), **plain}
        except (ConfigError, PluginError, ModuleNotFoundError):  # then the platform's identity has to do
            if part is not None:
                from lithops.remote.stores import open_part

                return Storage.over(open_part(*part), backend=backend, bucket=bucket, section=plain)
    return Storage(storage_config={"backend": backend, "bucket": bucket, backend: section})


def _as_bytes(body: Body) -> bytes | memoryview | Readable:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return memoryview(body) if isinstance(body, bytearray) else body
    if not callable(getattr(body, "read", None)):
        raise BadCallError(
            f"body must be bytes, text or a binary file, found {reprlib.repr(body)} of type {type(body).__name__!r}; "
            "write pickle.dumps(body) for an object"
        )
    return body


def _keys(keys: Iterable[str]) -> tuple[str, ...]:
    if isinstance(keys, str):  # its letters are keys, too
        raise BadCallError(f"keys must be a list of keys, found {keys!r}; write [{keys!r}]")
    try:
        chosen = tuple(keys)
    except TypeError as error:
        raise BadCallError(f"keys must be a list of keys, found {keys!r} of type {type(keys).__name__!r}") from error
    for key in chosen:
        if not isinstance(key, str):
            raise BadCallError(f"keys must be a list of keys, found {key!r} of type {type(key).__name__!r} in it")
    return chosen


def _wanted_range(extra: Mapping[str, str]) -> ByteRange | None:
    unknown = extra.keys() - {"Range"}
    if unknown:
        raise StorageError(f"reading an object cannot do {_listed(unknown)}; the one extra argument is 'Range'")
    if "Range" not in extra:
        return None
    from lithops.storage.ranges import parse_range

    return parse_range(extra["Range"])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))


def _base(name: str) -> str:
    return name.replace(os.sep, "/").rstrip("/").rpartition("/")[2]


def _write_file(target: str, stream: Readable) -> None:
    from pathlib import Path
    from tempfile import NamedTemporaryFile

    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".lithops-", delete=False) as file:
        written = Path(file.name)
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                file.write(chunk)
            file.close()
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise


def _http_date(stamp: float) -> str:
    from email.utils import formatdate

    return formatdate(stamp, usegmt=True)
