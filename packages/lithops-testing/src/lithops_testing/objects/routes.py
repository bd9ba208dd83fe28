"""Which request does what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from lithops.errors import StorageError
from lithops.storage.ranges import clip, parse_range
from lithops_testing.objects.buckets import FIRST_BUCKET, Bucket, Stored, Unmet
from lithops_testing.objects.counters import Counters
from lithops_testing.objects.faults import Faults
from lithops_testing.objects.presigned import permits
from lithops_testing.objects.reading import Refused, bucket_name, etag_of, json_of, key_name
from lithops_testing.objects.settings import Settings
from lithops_testing.service.faults import Fault, seconds_of
from lithops_testing.service.service import Door, Service, nothing_at
from lithops_testing.service.wire import Answer, Reply, Request, json_answer

PAGE = 1000
"""Keys of one listing or one deletion, at most."""
SMALL_BYTES = 4 << 20
"""Of requests that carry no object: a thousand keys of the longest, as JSON."""

Work = Callable[[Request], Answer]


class StoreService(Service[Settings, Fault]):
    """All that the store holds, and its answers.

    PUT | HEAD        /buckets/BUCKET
    PUT | GET | HEAD  /buckets/BUCKET/objects/KEY    If-Match, If-None-Match, Range, X-Copy-Source, X-Metadata, X-Write-Id
    GET               /buckets/BUCKET/objects?prefix=&start-after=&max-keys=
    POST              /buckets/BUCKET/deletions      {"keys": [...]}

    KEY is percent-encoded, its slashes too. X-Metadata is a query string. X-Write-Id is the writer's name for a write; the
    etag ends with it, also the one that a failed condition is answered with: so who has missed an answer knows its own.
    """

    counters: Counters

    def __init__(self, settings: Settings, token: str, folder: Path) -> None:
        super().__init__(settings, Faults, Counters(), token)
        self._buckets = {FIRST_BUCKET: Bucket()}

    @property
    def most_bytes(self) -> int:
        """See `Service`."""
        return max(self.settings.object_bytes, SMALL_BYTES)

    async def empty(self) -> None:
        """See `Service`."""
        self._buckets = {FIRST_BUCKET: Bucket()}

    def refusal(self, request: Request) -> Answer | None:
        """See `Service`; who has a signature needs no token."""
        signed = permits(self.token, request.method, request.path, request.query, time.time())
        if signed is None:
            return super().refusal(request)
        message = "the signature does not permit this, or not any more"
        return None if signed else Refused(403, "denied", message).answer

    def doors(self) -> dict[tuple[str, str], Door]:
        """See `Service`."""
        return {**super().doors(), ("GET", "keys"): self._tell_keys}

    def route(self, request: Request, reply: Reply) -> None:
        """See `Service`."""
        found = self._door(request)
        if found is None:
            reply(nothing_at(request))
            return
        kind, work = found
        self.counters.asked(kind, request.size_bytes)
        faults = self.dice.throw()
        delay_s = self.settings.latency_s + seconds_of(faults, "latency")
        if delay_s > 0:
            asyncio.get_running_loop().call_later(delay_s, self._finish, request, reply, work, faults)
        else:
            self._finish(request, reply, work, faults)

    def _door(self, request: Request) -> tuple[str, Work] | None:
        """Return what a request is counted as, and what does it."""
        parts = request.path.split("/")[1:]
        headers = request.headers
        match request.method, parts:
            case "PUT", ["buckets", name]:
                return "create_bucket", partial(self._create, name)
            case "HEAD", ["buckets", name]:
                return "head_bucket", partial(self._head_bucket, name)
            case "GET", ["buckets", name, "objects"]:
                return "list", partial(self._list, name)
            case "POST", ["buckets", name, "deletions"]:
                return "delete", partial(self._delete, name)
            case "GET" | "HEAD", ["buckets", name, "objects", key]:
                return request.method.lower(), partial(self._get, name, key)
            case "PUT", ["buckets", name, "objects", key] if "x-copy-source" in headers:
                return "copy", partial(self._copy, name, key)
            case "PUT", ["buckets", name, "objects", key]:
                conditions = {"if-none-match": "put_if_absent", "if-match": "put_if_match"}
                kind = next((kind for header, kind in conditions.items() if header in headers), "put")
                return kind, partial(self._put, name, key)
        return None

    def _finish(self, request: Request, reply: Reply, work: Work, faults: Mapping[str, Fault]) -> None:
        try:
            _fail(faults)
            answer = work(request)
        except Refused as refused:
            answer = refused.answer
        sent = 0.0 if "lost_answer" in faults else 0.5 if "truncated_body" in faults else 1.0
        size = 0 if request.method == "HEAD" else int(len(answer.body) * sent)
        self.counters.answered(answer.status, size)
        reply(Answer(status=answer.status, body=answer.body, headers=answer.headers, sent=sent))

    def _tell_keys(self, values: dict[str, Any]) -> Answer:
        return json_answer(200, buckets={name: bucket.keys for name, bucket in self._buckets.items()})

    def _create(self, name: str, request: Request) -> Answer:
        known = bucket_name(name)
        created = known not in self._buckets
        if created:
            self._buckets[known] = Bucket()
        return json_answer(200, created=created)

    def _head_bucket(self, name: str, request: Request) -> Answer:
        self._bucket(name)
        return json_answer(200)

    def _list(self, name: str, request: Request) -> Answer:
        bucket = self._bucket(name)
        asked = dict(parse_qsl(request.query, keep_blank_values=True))
        most = asked.get("max-keys", str(PAGE))
        if not (most.isascii() and most.isdigit() and 1 <= int(most) <= PAGE):
            raise Refused(400, "bad_request", f"`max-keys` is 1 to {PAGE}, found {most!r}")
        found = list(islice(bucket.listed(asked.get("prefix", ""), asked.get("start-after", "")), int(most) + 1))
        told = [
            {"key": key, "size_bytes": len(stored.body), "etag": stored.etag, "modified": stored.modified}
            for key, stored in found[: int(most)]
        ]
        return json_answer(200, objects=told, truncated=len(found) > len(told))

    def _delete(self, name: str, request: Request) -> Answer:
        bucket = self._bucket(name)
        keys = json_of(request).get("keys")
        if not isinstance(keys, list) or len(keys) > PAGE or not all(isinstance(key, str) for key in keys):
            raise Refused(400, "bad_request", f"`keys` must be a list of at most {PAGE} texts")
        for key in keys:
            bucket.delete(key)
        return json_answer(200, deleted=len(keys))

    def _get(self, name: str, key: str, request: Request) -> Answer:
        stored = self._object(name, key)
        told = _told(stored)
        if "if-match" in request.headers and etag_of(request) != stored.etag:
            raise Refused(412, "precondition", f"the etag is {stored.etag}", told)
        if "range" not in request.headers:
            return Answer(status=200, body=stored.body, headers=told)
        size = len(stored.body)
        try:
            first, stop = clip(parse_range(request.headers["range"]), size)
        except StorageError as error:
            raise Refused(400, "bad_request", str(error)) from None
        if first == stop:
            raise Refused(
                416, "range", "no byte of the object is in the range", {**told, "Content-Range": f"bytes */{size}"}
            )
        told["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
        return Answer(status=206, body=stored.body[first:stop], headers=told)

    def _put(self, name: str, key: str, request: Request) -> Answer:
        most = self.settings.object_bytes
        if request.size_bytes > most:
            raise Refused(413, "too_large", f"the object has {request.size_bytes:,} bytes, and {most:,} are the most")
        return self._write(name, key, request, request.body, request.headers.get("x-metadata", ""))

    def _copy(self, name: str, key: str, request: Request) -> Answer:
        source = request.headers["x-copy-source"].split("/")
        if len(source) != 5:
            raise Refused(400, "bad_request", "X-Copy-Source is /buckets/BUCKET/objects/KEY")
        found = self._object(source[2], source[4])
        return self._write(name, key, request, found.body, found.metadata)

    def _write(self, name: str, key: str, request: Request, body: bytes, metadata: str) -> Answer:
        try:
            made = self._bucket(name).put(
                key_name(key),
                body,
                metadata,
                name=request.headers.get("x-write-id", ""),
                hidden_s=self.settings.visible_after_s,
                absent="if-none-match" in request.headers,
                match=etag_of(request),
            )
        except Unmet as unmet:
            if unmet.found is None:
                raise Refused(412, "precondition", "there is no such object") from None
            message = f"the object is there, with the etag {unmet.found.etag}"
            raise Refused(412, "precondition", message, _told(unmet.found)) from None
        return json_answer(200, _told(made), size_bytes=len(body))

    def _bucket(self, name: str) -> Bucket:
        try:
            return self._buckets[bucket_name(name)]
        except KeyError:
            raise Refused(404, "no_bucket", f"there is no bucket {bucket_name(name)!r}") from None

    def _object(self, name: str, key: str) -> Stored:
        found = self._bucket(name).visible(key_name(key))
        if found is None:
            raise Refused(404, "no_object", f"there is no object {key_name(key)!r}")
        return found


def _told(stored: Stored) -> dict[str, str]:
    """Return the headers that describe an object."""
    return {"ETag": f'"{stored.etag}"', "X-Modified": repr(stored.modified), "X-Metadata": stored.metadata}


def _fail(faults: Mapping[str, Fault]) -> None:
    """Refuse what meets a fault by which nothing is done."""
    if "slow_down" in faults:
        raise Refused(503, "slow_down", "the store is asked too much (as a fault asked for)")
    if "error_500" in faults:
        raise Refused(500, "internal", "the store has failed (as a fault asked for)")
    if "denied" in faults:
        raise Refused(403, "denied", "the store does not allow this (as a fault asked for)")
