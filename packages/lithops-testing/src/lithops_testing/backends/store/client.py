"""The worker part of the store: everything it does, on plain values."""

from __future__ import annotations

import io
import json
import secrets
from typing import TYPE_CHECKING

from lithops.errors import StorageError
from lithops.storage.ranges import clip
from lithops.types import (
    BucketMeta,
    BucketRef,
    ByteRange,
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
)
from lithops_testing.backends.store.asking import Asker, Question
from lithops_testing.backends.store.bodies import BodyBrokeOff, Incoming, Pieces, Rest, outgoing
from lithops_testing.backends.store.identity import Identity
from lithops_testing.backends.store.names import path_of, query_of, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from lithops_testing.backends.store.asking import Answer

PAGE = 1000
"""Keys of one deletion."""
BUFFER_BYTES = 1 << 18


class StoreClient:
    """Asks the store at `endpoint`. Threads may share it, and a process that was forked may go on using it.

    What may succeed later is repeated a few times within a quarter of a second, then it is `StorageUnavailable`.
    """

    def __init__(self, endpoint: str, ca_file: str | None = None, token: str | None = None) -> None:
        """Without a `token` there is an identity where this runs: see `Identity`."""
        self.endpoint = endpoint
        self.identity = Identity(token)
        self._asker = Asker(endpoint, ca_file, self.identity)

    def __repr__(self) -> str:
        return f"StoreClient({self.endpoint!r})"

    def put_object(self, request: PutRequest) -> ObjectMeta:
        """Write an object, whole or not at all."""
        condition = {} if request.if_match is None else {"If-Match": f'"{request.if_match}"'}
        return self._put(request, condition)

    def put_if_absent(self, request: PutRequest) -> ObjectMeta:
        """Write an object that must not exist yet; of many writers one wins."""
        if request.if_match is not None:
            raise StorageError(f"cannot write {_name(request)}: 'if_match' contradicts that it must not exist yet")
        return self._put(request, {"If-None-Match": "*"})

    def get_object(self, request: GetRequest) -> ObjectBody:
        """Open an object or a range of it; the stream is buffered."""
        clip(request.range, 0)  # refuses what makes no sense
        answer = self._opened(request)
        meta = _meta(request.bucket, request.key, answer, _whole_bytes(answer))
        if answer.rest is None:
            return ObjectBody(meta=meta, stream=io.BytesIO())
        first, stop = clip(request.range, meta.size_bytes)

        def again(offset: int) -> Rest:
            wanted = ByteRange(start=first + offset, end=stop - 1)
            same = GetRequest(bucket=request.bucket, key=request.key, range=wanted, if_match=meta.etag)
            rest = self._opened(same).rest
            assert rest is not None, "what is left of this version is not empty"
            return rest

        raw = Incoming(f"read {_name(request)}", stop - first, answer.rest, self._asker.connections, again)
        return ObjectBody(meta=meta, stream=io.BufferedReader(raw, BUFFER_BYTES))

    def head_object(self, request: ObjectRef) -> ObjectMeta:
        """Describe an object."""
        path = path_of(request.bucket, request.key)
        answer = self._asker.ask(Question(doing=f"look at {_name(request)}", method="HEAD", path=path))
        return _meta(request.bucket, request.key, answer, _whole_bytes(answer))

    def list_objects(self, request: ListRequest) -> ObjectListing:
        """List objects in byte order; the first page is asked for now, the others as the listing is read."""
        return ObjectListing(objects=self._listed(request, self._page(request, request.start_after)))

    def delete_objects(self, request: DeleteRequest) -> DeleteReport:
        """Delete objects, a thousand with each request."""
        for start in range(0, len(request.keys), PAGE):
            self._asker.ask(
                Question(
                    doing=f"remove objects of bucket {request.bucket!r}",
                    method="POST",
                    path=f"{path_of(request.bucket)}/deletions",
                    body=json.dumps({"keys": request.keys[start : start + PAGE]}).encode(),
                )
            )
        return DeleteReport(deleted=len(request.keys))

    def copy_object(self, request: CopyRequest) -> ObjectMeta:
        """Copy an object with its metadata; the bytes stay in the store."""
        source, target = request.source, request.target
        answer = self._asker.ask(
            Question(
                doing=f"copy {_name(source)} to {_name(target)}",
                method="PUT",
                path=path_of(target.bucket, target.key),
                headers={"X-Copy-Source": path_of(source.bucket, source.key)},
            )
        )
        return _meta(target.bucket, target.key, answer, int(_json(answer)["size_bytes"]))

    def create_bucket(self, request: BucketRef) -> BucketMeta:
        """Make a bucket; one that is there is success."""
        doing = f"create bucket {request.bucket!r}"
        answer = self._asker.ask(Question(doing=doing, method="PUT", path=path_of(request.bucket)))
        return BucketMeta(bucket=request.bucket, created=bool(_json(answer)["created"]))

    def head_bucket(self, request: BucketRef) -> BucketMeta:
        """Say that a bucket exists."""
        doing = f"look at bucket {request.bucket!r}"
        self._asker.ask(Question(doing=doing, method="HEAD", path=path_of(request.bucket)))
        return BucketMeta(bucket=request.bucket)

    def _put(self, request: PutRequest, condition: Mapping[str, str]) -> ObjectMeta:
        name = secrets.token_hex(16)
        body = outgoing(request.body)
        headers = {"X-Write-Id": name, "X-Metadata": query_of(request.metadata), **condition}
        path = path_of(request.bucket, request.key)
        question = Question(doing=f"write {_name(request)}", method="PUT", path=path, headers=headers, body=body)
        try:
            # what is there may be what we wrote, if the answer to that was lost
            answer = self._asker.ask(question, lambda said: said.status == 200 or _etag(said).endswith(f"-{name}"))
        except BodyBrokeOff as broke:
            raise broke.error from None
        return _meta(request.bucket, request.key, answer, body.size_bytes if isinstance(body, Pieces) else len(body))

    def _opened(self, request: GetRequest) -> Answer:
        headers = {} if request.range is None else {"Range": _range(request.range)}
        if request.if_match is not None:
            headers["If-Match"] = f'"{request.if_match}"'
        path = path_of(request.bucket, request.key)
        question = Question(doing=f"read {_name(request)}", method="GET", path=path, headers=headers, streams=True)
        return self._asker.ask(question, lambda said: said.status in (200, 206, 416))

    def _listed(self, request: ListRequest, page: Mapping[str, Any]) -> Iterator[ObjectMeta]:
        while True:
            for told in page["objects"]:
                yield ObjectMeta(bucket=request.bucket, **told)
            if not page["truncated"]:
                return
            page = self._page(request, page["objects"][-1]["key"])

    def _page(self, request: ListRequest, start_after: str) -> Mapping[str, Any]:
        query = query_of({"prefix": request.prefix, "start-after": start_after})
        path = f"{path_of(request.bucket)}/objects?{query}"
        return _json(self._asker.ask(Question(doing=f"list bucket {request.bucket!r}", method="GET", path=path)))


def _name(of: PutRequest | GetRequest | ObjectRef) -> str:
    return f"object {of.key!r} in bucket {of.bucket!r}"


def _range(wanted: ByteRange) -> str:
    """Write a range as HTTP does."""
    if wanted.start < 0:
        return f"bytes={wanted.start}"
    return f"bytes={wanted.start}-{'' if wanted.end is None else wanted.end}"


def _etag(answer: Answer) -> str:
    return answer.headers.get("etag", "").strip('"')


def _whole_bytes(answer: Answer) -> int:
    """Return the size of an object, of which the answer may hold a part."""
    part = answer.headers.get("content-range")
    return int(answer.headers["content-length"] if part is None else part.rpartition("/")[2])


def _meta(bucket: str, key: str, answer: Answer, size_bytes: int) -> ObjectMeta:
    return ObjectMeta(
        bucket=bucket,
        key=key,
        size_bytes=size_bytes,
        etag=_etag(answer),
        modified=float(answer.headers["x-modified"]),
        metadata=values_of(answer.headers.get("x-metadata", "")),
    )


def _json(answer: Answer) -> Mapping[str, Any]:
    said: Mapping[str, Any] = json.loads(answer.body)
    return said
