"""The worker part of the local store: everything it does, on plain values."""

from __future__ import annotations

# Plain strings and os calls: a small write takes some 50 us, and pathlib would be a good part of it.
# ruff: noqa: PTH102, PTH103, PTH105, PTH106, PTH108, PTH111, PTH112
import contextlib
import errno
import io
import os
import stat
from typing import TYPE_CHECKING

from lithops.errors import AccessDenied, BucketNotFound, ObjectNotFound, PreconditionFailed, StorageError
from lithops.storage.local.faults import Guard
from lithops.storage.local.incoming import Incoming, sweep
from lithops.storage.local.layout import bucket_folder, file_name, key_bytes, prefix_bytes, split
from lithops.storage.local.locks import KeyLocks
from lithops.storage.local.reading import FilePart
from lithops.storage.local.sealing import Contents, DamagedError, read_seal
from lithops.storage.local.walking import walk
from lithops.storage.ranges import clip
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_BUFFER_BYTES = 1 << 18
_TRIES = 1000
"""How often a folder may be removed under a writer's hands, each time by a delete that succeeded."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class LocalStorageClient:
    """Keep objects as files below `root`, for every process of this user that names the same `root`.

    An object appears whole or not at all, whoever dies, and a reader keeps the version it opened. The store does not
    wait for the disk (no fsync): what it holds are inputs and results in flight, and waiting costs 100 times the
    write. After a power cut an object is whole, old, missing, or reported as damaged; never silently cut short.

    Folders are made when first needed, 0700, and files 0600. Threads may share a client; a pickle of it holds `root`.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(os.path.expanduser(root))
        self._incoming = f"{self.root}/.incoming"
        self._locks = KeyLocks(f"{self.root}/.locks")
        self._ready = False

    def __reduce__(self) -> tuple[type[LocalStorageClient], tuple[str]]:
        return type(self), (self.root,)

    def __repr__(self) -> str:
        return f"LocalStorageClient(root={self.root!r})"

    def worker_part(self) -> WorkerPart:
        """Say what opens the same store in a worker on this machine."""
        kind = type(self)
        return WorkerPart(target=f"{kind.__module__}:{kind.__name__}", arguments={"root": self.root}, local=True)

    def put_object(self, request: PutRequest) -> ObjectMeta:
        """Write an object, whole or not at all; a bucket that is not there is made."""
        return self._put(request, self._replace)

    def put_if_absent(self, request: PutRequest) -> ObjectMeta:
        """Write an object that must not exist yet; of many writers, in any process, one wins."""
        if request.if_match is not None:
            raise StorageError(f"cannot write {_name(request)}: 'if_match' contradicts that it must not exist yet")
        return self._put(request, self._link)

    def get_object(self, request: GetRequest) -> ObjectBody:
        """Open an object or a range of it; the stream is buffered and can seek."""
        fd, contents = self._open(request.bucket, request.key)
        file = io.FileIO(fd, "r")
        try:
            if request.if_match is not None:
                _require(request, contents.etag, request.if_match)
            first, stop = clip(request.range, contents.size_bytes)
        except BaseException:
            file.close()
            raise
        part = FilePart(file, first, stop)
        return ObjectBody(
            meta=_meta(request.bucket, request.key, contents), stream=io.BufferedReader(part, _BUFFER_BYTES)
        )

    def head_object(self, request: ObjectRef) -> ObjectMeta:
        """Describe an object."""
        fd, contents = self._open(request.bucket, request.key)
        os.close(fd)
        return _meta(request.bucket, request.key, contents)

    def list_objects(self, request: ListRequest) -> ObjectListing:
        """List objects in byte order; folders and objects are read as the listing is."""
        prefix, start_after = prefix_bytes(request.prefix), prefix_bytes(request.start_after)
        guard = Guard("list", f"bucket {request.bucket!r}", self.root)
        with guard:
            path = self._existing(request.bucket)
            self._refuse_links(path, split(prefix)[0])
        return ObjectListing(objects=self._listed(request.bucket, walk(path, prefix, start_after), guard))

    def delete_objects(self, request: DeleteRequest) -> DeleteReport:
        """Delete objects and the folders they leave empty; all of them are tried before the first error is raised."""
        with Guard("delete from", f"bucket {request.bucket!r}", self.root):
            self._existing(request.bucket)
        failed: StorageError | None = None
        gone = 0
        for key in request.keys:
            try:
                with Guard("delete", _name(ObjectRef(bucket=request.bucket, key=key)), self.root):
                    self._delete(request.bucket, key)
                gone += 1
            except StorageError as error:
                failed = failed or error
        if failed:
            raise failed
        return DeleteReport(deleted=gone)

    def copy_object(self, request: CopyRequest) -> ObjectMeta:
        """Copy an object with its metadata."""
        source, target = request.source, request.target
        body = self.get_object(GetRequest(bucket=source.bucket, key=source.key))
        with contextlib.closing(body.stream):
            return self.put_object(
                PutRequest(bucket=target.bucket, key=target.key, body=body.stream, metadata=body.meta.metadata)
            )

    def create_bucket(self, request: BucketRef) -> BucketMeta:
        """Make the folder of a bucket; success if it is there."""
        with Guard("create", f"bucket {request.bucket!r}", self.root):
            self._prepare()
            created = self._make_folder(f"{self.root}/{bucket_folder(request.bucket)}")
        return BucketMeta(bucket=request.bucket, created=created)

    def head_bucket(self, request: BucketRef) -> BucketMeta:
        """Say that a bucket exists; `BucketNotFound` otherwise."""
        with Guard("look at", f"bucket {request.bucket!r}", self.root):
            self._existing(request.bucket)
        return BucketMeta(bucket=request.bucket)

    def _put(self, request: PutRequest, publish: Callable[[PutRequest, str, str], None]) -> ObjectMeta:
        path, folders, name = self._place(request.bucket, request.key)
        guard = Guard("write", _name(request), self.root)
        with guard:
            self._prepare()
            incoming = Incoming(self._incoming, guard)
        with incoming:
            contents = incoming.fill(request.body, request.metadata)
            with guard, self._locks.hold(request.bucket, request.key):
                self._refuse_links(path, folders)
                for attempt in range(_TRIES):
                    try:
                        publish(request, incoming.path, "/".join([path, *folders, name]))
                        break
                    except FileNotFoundError:
                        if attempt == _TRIES - 1:
                            raise
                        self._make_folders(path, folders)
        return _meta(request.bucket, request.key, contents)

    def _replace(self, request: PutRequest, written: str, target: str) -> None:
        if request.if_match is not None:
            try:
                found = self.head_object(ObjectRef(bucket=request.bucket, key=request.key)).etag
            except (ObjectNotFound, BucketNotFound) as error:
                raise PreconditionFailed(
                    f"cannot replace {_name(request)}: it should have the etag {request.if_match!r} but does not exist"
                ) from error
            _require(request, found, request.if_match)
        os.replace(written, target)

    def _link(self, request: PutRequest, written: str, target: str) -> None:
        # a hard link has one winner by itself, even where file locks do not reach; some file systems have none
        try:
            os.link(written, target)
        except OSError as error:
            exists = error.errno == errno.EEXIST or (error.errno in _NO_LINKS and os.path.lexists(target))
            if exists:
                raise PreconditionFailed(
                    f"cannot write {_name(request)}: it exists already; use another key, or put_object to replace it"
                ) from error
            if error.errno not in _NO_LINKS:
                raise
            os.replace(written, target)

    def _open(self, bucket: str, key: str) -> tuple[int, Contents]:
        path, folders, name = self._place(bucket, key)
        what = _name(ObjectRef(bucket=bucket, key=key))
        with Guard("read", what, self.root):
            self._refuse_links(path, folders)
            try:
                fd = os.open("/".join([path, *folders, name]), _READ)
            except FileNotFoundError as error:
                self._existing(bucket)
                raise ObjectNotFound(f"there is no {what} in the local store in {self.root!r}") from error
            try:
                return fd, read_seal(fd)
            except DamagedError as error:
                os.close(fd)
                raise StorageError(
                    f"{what} of the local store in {self.root!r} is damaged: {error}; write it again or delete it"
                ) from error
            except BaseException:
                os.close(fd)
                raise

    def _listed(self, bucket: str, found: Iterator[tuple[bytes, str]], guard: Guard) -> Iterator[ObjectMeta]:
        while True:
            with guard:
                key, path = next(found, (None, ""))
                if key is None:
                    return
                try:
                    fd = os.open(path, _READ)
                except FileNotFoundError:
                    continue  # deleted since its folder was read
                try:
                    contents = read_seal(fd)
                except DamagedError:
                    continue  # reading it by name says so; one bad file must not hide the rest
                finally:
                    os.close(fd)
            yield _meta(bucket, key.decode(), contents)

    def _delete(self, bucket: str, key: str) -> None:
        path, folders, name = self._place(bucket, key)
        self._refuse_links(path, folders)
        with contextlib.suppress(FileNotFoundError):
            self._prepare()
            with self._locks.hold(bucket, key):
                os.unlink("/".join([path, *folders, name]))
        while folders:
            try:
                # removes empty folders only, so whoever writes into one now keeps it, or makes it again
                os.rmdir("/".join([path, *folders]))
            except FileNotFoundError:
                pass
            except OSError:
                return
            folders.pop()

    def _place(self, bucket: str, key: str) -> tuple[str, list[str], str]:
        folders, last = split(key_bytes(key))
        return f"{self.root}/{bucket_folder(bucket)}", folders, file_name(last)

    def _existing(self, bucket: str) -> str:
        path = f"{self.root}/{bucket_folder(bucket)}"
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except FileNotFoundError as error:
            raise BucketNotFound(
                f"there is no bucket {bucket!r} in the local store in {self.root!r}; make it with create_bucket"
            ) from error
        if not is_folder:
            self._refuse(path)
        return path

    def _prepare(self) -> None:
        """Make the store's own folders, and remove what writers who died left there: once, unless all is gone again."""
        if self._ready and os.path.isdir(self._incoming):
            return
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        self._make_folder(f"{self.root}/.locks")
        if not self._make_folder(self._incoming):
            sweep(self._incoming)
        self._ready = True

    def _make_folders(self, path: str, folders: list[str]) -> None:
        with contextlib.suppress(FileNotFoundError):  # removed by a delete at this moment: the caller tries again
            for count in range(len(folders) + 1):
                self._make_folder("/".join([path, *folders[:count]]))

    def _make_folder(self, path: str) -> bool:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                self._refuse(path)
            return False
        return True

    def _refuse_links(self, path: str, folders: list[str]) -> None:
        """Refuse to pass through a link: it could lead anywhere. `root` itself may be one."""
        for count in range(len(folders) + 1):
            below = "/".join([path, *folders[:count]])
            try:
                mode = os.lstat(below).st_mode
            except FileNotFoundError:
                return
            if not stat.S_ISDIR(mode):
                self._refuse(below)

    def _refuse(self, path: str) -> None:
        raise AccessDenied(
            f"{path!r} is not a folder of the local store but a link or a file; remove it, or set another 'root'"
        )


def _require(request: PutRequest | GetRequest, found: str, wanted: str) -> None:
    if found != wanted:
        raise PreconditionFailed(
            f"{_name(request)} has the etag {found!r}, not {wanted!r}: it changed since it was read"
        )


def _name(of: PutRequest | GetRequest | ObjectRef) -> str:
    return f"object {of.key!r} in bucket {of.bucket!r}"


def _meta(bucket: str, key: str, contents: Contents) -> ObjectMeta:
    return ObjectMeta(
        bucket=bucket,
        key=key,
        size_bytes=contents.size_bytes,
        etag=contents.etag,
        modified=contents.modified,
        metadata=contents.metadata,
    )
