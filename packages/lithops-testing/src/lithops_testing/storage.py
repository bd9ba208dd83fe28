"""The promises of a store, as tests that every storage backend runs.

    class TestMyStore(StorageContract):
        @pytest.fixture
        def store(self):
            return MyStoragePlugin()

The suite makes a bucket of its own and empties it afterwards. A promise that a store cannot keep is overridden with
`pytest.mark.xfail(reason=...)`; any other override is refused. The module has more than 400 lines because one class, so
that authors subclass one, holds every promise.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING

import pytest

from lithops.errors import BucketNotFound, ObjectNotFound, PreconditionFailed, StorageError
from lithops.types import (
    BucketRef,
    ByteRange,
    CopyRequest,
    DeleteRequest,
    GetRequest,
    ListRequest,
    ObjectMeta,
    ObjectRef,
    PutRequest,
)
from lithops_testing.contract import Contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lithops.storage.store import DriverStore, Store

WEIRD_KEYS = (
    "with space",
    "a//b",
    "/leading/slash",
    "trailing/",
    ".",
    "..",
    "../../up",
    "a/../b",
    "./here",
    ".hidden",
    "dot.",
    "percent%41%",
    "plus+and&equals=?#",
    "back\\slash",
    "quote'\"`$(x)",
    "star*[a-z]",
    "tab\tand\nnewline",
    "accent-\u00e9",
    "accent-e\u0301",
    "\u65e5\u672c\u8a9e/\U0001f600",
    "CON",
)
NO_BUCKET = "lithops-no-such-bucket"
_WORKER = """
import importlib, json, sys
from lithops.types import DeleteRequest, GetRequest, ListRequest, PutRequest
told = json.load(sys.stdin)
module, _, name = told["target"].partition(":")
store, bucket = getattr(importlib.import_module(module), name)(**told["arguments"]), told["bucket"]
store.put_object(PutRequest(bucket=bucket, key="from/a/worker", body=b"here"))
store.put_if_absent(PutRequest(bucket=bucket, key="from/it/too", body=b"and there"))
assert store.get_object(GetRequest(bucket=bucket, key="from/it/too")).stream.read() == b"and there"
assert [meta.key for meta in store.list_objects(ListRequest(bucket=bucket, prefix="from/i")).objects] == ["from/it/too"]
store.delete_objects(DeleteRequest(bucket=bucket, keys=("from/it/too",)))
print(json.dumps(sorted(sys.modules)))
"""


class Dribble(io.RawIOBase):
    """A body of known length that comes in pieces of odd sizes, as from a network."""

    def __init__(self, size_bytes: int, fail_at: int | None = None) -> None:
        super().__init__()
        self._left = size_bytes
        self._fail_at = fail_at
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at most 70,001 bytes, fewer than asked for."""
        if self._fail_at is not None and self._given >= self._fail_at:
            raise RuntimeError("the body broke off")
        count = min(self._left, 70_001, size if size >= 0 else self._left)
        piece = pattern(self._given, count)
        self._left -= count
        self._given += count
        return piece


def pattern(first: int, count: int) -> bytes:
    """Return `count` bytes that tell where in an object they stand, from offset `first` on."""
    skip = first % 8
    words = range(first // 8, (first + count) // 8 + 1)
    return b"".join(word.to_bytes(8, "big") for word in words)[skip : skip + count]


class StorageContract(Contract):
    """Subclass this and provide the fixture `store`: an object with the storage hooks."""

    put_creates_bucket = False
    """Whether writing into a bucket that does not exist makes it; otherwise it raises `BucketNotFound`."""
    longest_key_bytes = 1024

    @pytest.fixture
    def store(self) -> Store:
        """Return the store under test."""
        raise NotImplementedError(f"{type(self).__name__} must define the fixture 'store'")

    @pytest.fixture
    def bucket(self, store: Store) -> Iterator[str]:
        """Return the name of an empty bucket."""
        name = f"lithops-contract-{os.urandom(6).hex()}"
        store.create_bucket(BucketRef(bucket=name))
        yield name
        keys = tuple(meta.key for meta in store.list_objects(ListRequest(bucket=name)).objects)
        store.delete_objects(DeleteRequest(bucket=name, keys=keys))

    # --- writing and reading

    @pytest.mark.parametrize("body", [b"", b"x", b"0123456789" * 1000], ids=["empty", "one byte", "10,000 bytes"])
    def test_what_was_put_is_what_one_gets(self, store: Store, bucket: str, body: bytes) -> None:
        put(store, bucket, "key", body)
        assert get(store, bucket, "key") == body

    def test_a_body_may_be_a_memoryview(self, store: Store, bucket: str) -> None:
        store.put_object(PutRequest(bucket=bucket, key="key", body=memoryview(b"0123456789")[2:5]))
        assert get(store, bucket, "key") == b"234"

    def test_a_body_may_be_a_file(self, store: Store, bucket: str) -> None:
        store.put_object(PutRequest(bucket=bucket, key="key", body=io.BytesIO(b"from a file")))
        assert get(store, bucket, "key") == b"from a file"

    def test_20_mb_stream_in_and_out_in_pieces(self, store: Store, bucket: str) -> None:
        size = 20_000_003
        assert store.put_object(PutRequest(bucket=bucket, key="big", body=Dribble(size))).size_bytes == size
        body = store.get_object(GetRequest(bucket=bucket, key="big"))
        offset = 0
        with contextlib.closing(body.stream) as stream:
            while piece := stream.read(1_000_003):
                assert len(piece) <= 1_000_003
                assert piece == pattern(offset, len(piece))
                offset += len(piece)
        assert offset == size

    def test_a_stream_can_be_closed_early_and_twice(self, store: Store, bucket: str) -> None:
        put(store, bucket, "key", b"0123456789" * 100_000)
        stream = store.get_object(GetRequest(bucket=bucket, key="key")).stream
        assert stream.read(10) == b"0123456789"
        stream.close()
        stream.close()

    def test_put_get_and_head_tell_the_same_of_an_object(self, store: Store, bucket: str) -> None:
        before = time.time()
        written = store.put_object(
            PutRequest(bucket=bucket, key="key", body=b"four", metadata={"colour": "blue", "empty": ""})
        )
        assert (written.bucket, written.key, written.size_bytes) == (bucket, "key", 4)
        assert written.etag
        head = store.head_object(ObjectRef(bucket=bucket, key="key"))
        body = store.get_object(GetRequest(bucket=bucket, key="key", range=ByteRange(start=0, end=1)))
        body.stream.close()
        for other in (head, body.meta):
            assert (other.bucket, other.key, other.size_bytes, other.etag) == (bucket, "key", 4, written.etag)
            assert dict(other.metadata) == {"colour": "blue", "empty": ""}
            assert abs(other.modified - before) < 300  # clocks of two machines

    def test_a_later_put_replaces_bytes_metadata_and_etag(self, store: Store, bucket: str) -> None:
        first = store.put_object(PutRequest(bucket=bucket, key="key", body=b"old", metadata={"age": "old"}))
        second = put(store, bucket, "key", b"newer")
        assert second.etag != first.etag
        head = store.head_object(ObjectRef(bucket=bucket, key="key"))
        assert (head.etag, head.size_bytes, dict(head.metadata)) == (second.etag, 5, {})
        assert get(store, bucket, "key") == b"newer"

    def test_a_body_that_breaks_off_leaves_the_old_object(self, store: Store, bucket: str) -> None:
        put(store, bucket, "old", b"old")
        for key in ("old", "new"):
            with pytest.raises(RuntimeError, match="the body broke off"):
                store.put_object(PutRequest(bucket=bucket, key=key, body=Dribble(1_000_000, fail_at=200_000)))
        assert get(store, bucket, "old") == b"old"
        assert keys_of(store, bucket) == ["old"]

    def test_a_reader_never_sees_parts_of_two_versions(self, store: Store, bucket: str) -> None:
        bodies = [bytes([letter]) * 300_000 for letter in b"ab"]
        put(store, bucket, "key", bodies[0])
        stop = Event()

        def read() -> int:
            count = 0
            while not stop.is_set() or not count:
                assert get(store, bucket, "key") in bodies
                count += 1
            return count

        with ThreadPoolExecutor(2) as threads:
            readers = [threads.submit(read) for _ in range(2)]
            try:
                for turn in range(20):
                    put(store, bucket, "key", bodies[turn % 2])
            finally:
                stop.set()
            assert all(reader.result() for reader in readers)

    # --- what is not there

    def test_missing_object_raises_object_not_found(self, store: Store, bucket: str) -> None:
        for ask in (
            lambda: store.get_object(GetRequest(bucket=bucket, key="no/such")),
            lambda: store.head_object(ObjectRef(bucket=bucket, key="no/such")),
            lambda: store.copy_object(
                CopyRequest(
                    source=ObjectRef(bucket=bucket, key="no/such"), target=ObjectRef(bucket=bucket, key="target")
                )
            ),
        ):
            with pytest.raises(ObjectNotFound) as caught:
                ask()
            assert "'no/such'" in str(caught.value)
            assert repr(bucket) in str(caught.value)
            assert isinstance(caught.value, KeyError)
        assert keys_of(store, bucket) == []

    def test_missing_bucket_raises_bucket_not_found(self, store: Store) -> None:
        for ask in (
            lambda: store.head_bucket(BucketRef(bucket=NO_BUCKET)),
            lambda: store.get_object(GetRequest(bucket=NO_BUCKET, key="key")),
            lambda: store.head_object(ObjectRef(bucket=NO_BUCKET, key="key")),
            lambda: store.list_objects(ListRequest(bucket=NO_BUCKET)),
            lambda: store.delete_objects(DeleteRequest(bucket=NO_BUCKET, keys=("key",))),
        ):
            with pytest.raises(BucketNotFound) as caught:
                ask()
            assert repr(NO_BUCKET) in str(caught.value)

    def test_put_into_a_missing_bucket_makes_it_or_raises_bucket_not_found(self, store: Store) -> None:
        name = f"lithops-contract-{os.urandom(6).hex()}"
        if self.put_creates_bucket:
            put(store, name, "key", b"x")
            assert get(store, name, "key") == b"x"
            store.delete_objects(DeleteRequest(bucket=name, keys=("key",)))
            return
        with pytest.raises(BucketNotFound, match=name):
            put(store, name, "key", b"x")

    def test_creating_a_bucket_again_is_success(self, store: Store, bucket: str) -> None:
        put(store, bucket, "key", b"kept")
        again = store.create_bucket(BucketRef(bucket=bucket))
        assert (again.bucket, again.created) == (bucket, False)
        assert get(store, bucket, "key") == b"kept"
        assert store.head_bucket(BucketRef(bucket=bucket)).bucket == bucket

    # --- ranges

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (0, 0, b"0"),
            (2, 5, b"2345"),
            (4, None, b"456789"),
            (9, 9, b"9"),
            (-3, None, b"789"),
            (-10, None, b"0123456789"),
            (-1000, None, b"0123456789"),
            (8, 1000, b"89"),
            (10, None, b""),
            (10, 12, b""),
            (1000, 2000, b""),
        ],
    )
    def test_a_range_is_cut_to_the_object(
        self, store: Store, bucket: str, start: int, end: int | None, expected: bytes
    ) -> None:
        put(store, bucket, "key", b"0123456789")
        assert get(store, bucket, "key", ByteRange(start=start, end=end)) == expected

    @pytest.mark.parametrize("wanted", [ByteRange(start=0), ByteRange(start=0, end=9), ByteRange(start=-5)])
    def test_any_range_of_an_empty_object_is_empty(self, store: Store, bucket: str, wanted: ByteRange) -> None:
        put(store, bucket, "empty", b"")
        assert get(store, bucket, "empty", wanted) == b""

    @pytest.mark.parametrize("wanted", [ByteRange(start=5, end=4), ByteRange(start=-5, end=7)])
    def test_a_range_without_sense_is_refused(self, store: Store, bucket: str, wanted: ByteRange) -> None:
        put(store, bucket, "key", b"0123456789")
        with pytest.raises(StorageError, match=f"{wanted.start} to {wanted.end}"):
            store.get_object(GetRequest(bucket=bucket, key="key", range=wanted))

    def test_a_range_deep_inside_a_large_object(self, store: Store, bucket: str) -> None:
        store.put_object(PutRequest(bucket=bucket, key="big", body=Dribble(3_000_000)))
        wanted = ByteRange(start=1_234_567, end=2_345_678)
        assert get(store, bucket, "big", wanted) == pattern(1_234_567, 1_111_112)

    # --- conditions

    def test_if_match_reads_only_the_expected_version(self, store: Store, bucket: str) -> None:
        old = put(store, bucket, "key", b"old")
        body = store.get_object(GetRequest(bucket=bucket, key="key", if_match=old.etag))
        with contextlib.closing(body.stream) as stream:
            assert stream.read() == b"old"
        put(store, bucket, "key", b"new")
        with pytest.raises(PreconditionFailed, match="'key'"):
            store.get_object(GetRequest(bucket=bucket, key="key", if_match=old.etag))

    def test_if_match_replaces_only_the_expected_version(self, store: Store, bucket: str) -> None:
        old = put(store, bucket, "key", b"old")
        new = store.put_object(PutRequest(bucket=bucket, key="key", body=b"new", if_match=old.etag))
        with pytest.raises(PreconditionFailed, match="'key'"):
            store.put_object(PutRequest(bucket=bucket, key="key", body=b"late", if_match=old.etag))
        assert get(store, bucket, "key") == b"new"
        assert store.head_object(ObjectRef(bucket=bucket, key="key")).etag == new.etag

    def test_if_match_never_makes_an_object(self, store: Store, bucket: str) -> None:
        etag = put(store, bucket, "key", b"x").etag
        store.delete_objects(DeleteRequest(bucket=bucket, keys=("key",)))
        with pytest.raises(PreconditionFailed, match="'key'"):
            store.put_object(PutRequest(bucket=bucket, key="key", body=b"y", if_match=etag))
        assert keys_of(store, bucket) == []

    def test_no_update_is_lost_under_if_match(self, store: Store, bucket: str) -> None:
        put(store, bucket, "counter", b"0")
        threads, turns = 4, 5

        def count() -> None:
            for _ in range(turns):
                while True:
                    body = store.get_object(GetRequest(bucket=bucket, key="counter"))
                    with contextlib.closing(body.stream) as stream:
                        value = int(stream.read())
                    new = str(value + 1).encode()
                    with contextlib.suppress(PreconditionFailed):
                        store.put_object(PutRequest(bucket=bucket, key="counter", body=new, if_match=body.meta.etag))
                        break

        in_threads(threads, count)
        assert get(store, bucket, "counter") == str(threads * turns).encode()

    def test_put_if_absent_writes_once(self, store: Store, bucket: str) -> None:
        written = store.put_if_absent(PutRequest(bucket=bucket, key="key", body=b"first", metadata={"n": "1"}))
        with pytest.raises(PreconditionFailed, match="'key'"):
            store.put_if_absent(PutRequest(bucket=bucket, key="key", body=b"second"))
        head = store.head_object(ObjectRef(bucket=bucket, key="key"))
        assert (head.etag, dict(head.metadata)) == (written.etag, {"n": "1"})
        assert get(store, bucket, "key") == b"first"

    def test_put_if_absent_writes_again_after_a_delete(self, store: Store, bucket: str) -> None:
        for body in (b"one", b"two"):
            store.put_if_absent(PutRequest(bucket=bucket, key="key", body=body))
            assert get(store, bucket, "key") == body
            store.delete_objects(DeleteRequest(bucket=bucket, keys=("key",)))

    def test_of_many_who_put_if_absent_one_wins(self, store: Store, bucket: str) -> None:
        winners: list[bytes] = []

        def race() -> None:
            body = os.urandom(8).hex().encode()
            with contextlib.suppress(PreconditionFailed):
                store.put_if_absent(PutRequest(bucket=bucket, key="a/lock", body=body))
                winners.append(body)

        in_threads(16, race)
        assert len(winners) == 1
        assert get(store, bucket, "a/lock") == winners[0]

    # --- listing

    def test_an_empty_bucket_lists_nothing(self, store: Store, bucket: str) -> None:
        assert keys_of(store, bucket) == []

    def test_1500_objects_are_listed_in_byte_order_and_deleted(self, store: Store, bucket: str) -> None:
        keys = [f"run-{number % 7}/part-{number}" for number in range(1500)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda key: put(store, bucket, key, b"x"), keys))
        assert keys_of(store, bucket) == sorted(keys, key=str.encode)
        inside = sorted(key for key in keys if key.startswith("run-3/part-1"))
        assert keys_of(store, bucket, prefix="run-3/part-1") == inside
        assert keys_of(store, bucket, prefix="run-3/part-1", start_after=inside[10]) == inside[11:]
        report = store.delete_objects(DeleteRequest(bucket=bucket, keys=tuple(keys)))
        assert report.deleted == 1500
        assert keys_of(store, bucket) == []

    def test_keys_are_ordered_by_their_bytes(self, store: Store, bucket: str) -> None:
        names = [
            "a",
            "a-b",
            "a/",
            "a/b",
            "a/b/c",
            "a0",
            "A",
            "a b",
            "z",
            "\u00e9",
            "\uffee",
            "\U0001f600",
            "a.b",
            "a%b",
        ]
        for name in names:
            put(store, bucket, name, b"")
        assert keys_of(store, bucket) == sorted(names, key=str.encode)

    @pytest.mark.parametrize(
        ("prefix", "start_after", "expected"),
        [
            ("a", "", ["a", "a-b", "a/b", "a/c", "ab"]),
            ("a/", "", ["a/b", "a/c"]),
            ("a/b", "", ["a/b"]),
            ("b", "", ["b/c/d"]),
            ("b/c/d/", "", []),
            ("no", "", []),
            ("", "a", ["a-b", "a/b", "a/c", "ab", "b/c/d"]),
            ("", "a/", ["a/b", "a/c", "ab", "b/c/d"]),
            ("", "a/bb", ["a/c", "ab", "b/c/d"]),
            ("a/", "a/b", ["a/c"]),
            ("a", "b", []),
            ("b", "a", ["b/c/d"]),
            ("", "b/c/d", []),
        ],
    )
    def test_prefix_and_start_after_choose_keys(
        self, store: Store, bucket: str, prefix: str, start_after: str, expected: list[str]
    ) -> None:
        for name in ("a", "a-b", "a/b", "a/c", "ab", "b/c/d"):
            put(store, bucket, name, b"")
        assert keys_of(store, bucket, prefix, start_after) == expected

    def test_a_listing_tells_what_head_tells(self, store: Store, bucket: str) -> None:
        for number in range(3):
            put(store, bucket, f"key-{number}", b"x" * number)
        for meta in store.list_objects(ListRequest(bucket=bucket)).objects:
            head = store.head_object(ObjectRef(bucket=bucket, key=meta.key))
            assert (meta.bucket, meta.size_bytes, meta.etag) == (bucket, head.size_bytes, head.etag)
            assert abs(meta.modified - head.modified) < 2

    # --- keys

    def test_strange_keys_are_just_keys(self, store: Store, bucket: str) -> None:
        for key in WEIRD_KEYS:
            put(store, bucket, key, key.encode())
        assert keys_of(store, bucket) == sorted(WEIRD_KEYS, key=str.encode)
        for key in WEIRD_KEYS:
            assert get(store, bucket, key) == key.encode()
            assert keys_of(store, bucket, prefix=key)[0] == key
        assert store.delete_objects(DeleteRequest(bucket=bucket, keys=WEIRD_KEYS)).deleted == len(WEIRD_KEYS)
        assert keys_of(store, bucket) == []

    def test_a_key_may_begin_another_key(self, store: Store, bucket: str) -> None:
        for key in ("a/b/c", "a", "a/b", "a/"):
            put(store, bucket, key, key.encode())
        store.delete_objects(DeleteRequest(bucket=bucket, keys=("a/b",)))
        assert {key: get(store, bucket, key) for key in keys_of(store, bucket)} == {
            "a": b"a",
            "a/": b"a/",
            "a/b/c": b"a/b/c",
        }

    def test_keys_that_differ_in_case_differ(self, store: Store, bucket: str) -> None:
        put(store, bucket, "Key", b"upper")
        put(store, bucket, "key", b"lower")
        assert (get(store, bucket, "Key"), get(store, bucket, "key")) == (b"upper", b"lower")

    def test_keys_may_be_long(self, store: Store, bucket: str) -> None:
        longest = self.longest_key_bytes
        keys = [
            "k" * longest,
            "k" * (longest - 1),
            "\u00e9" * (longest // 2),
            ("0123456789" * 10 + "/") * (longest // 101),
        ]
        for number, key in enumerate(keys):
            put(store, bucket, key, str(number).encode())
        assert keys_of(store, bucket) == sorted(keys, key=str.encode)
        assert [get(store, bucket, key) for key in keys] == [b"0", b"1", b"2", b"3"]

    def test_keys_that_are_too_long_or_empty_are_refused(self, store: Store, bucket: str) -> None:
        for key in ("k" * (self.longest_key_bytes + 1), ""):
            with pytest.raises(StorageError, match=f"{len(key)} bytes"):
                put(store, bucket, key, b"x")
        assert keys_of(store, bucket) == []

    # --- deleting and copying

    def test_deleting_is_idempotent(self, store: Store, bucket: str) -> None:
        put(store, bucket, "a/b", b"x")
        request = DeleteRequest(bucket=bucket, keys=("a/b", "never/was"))
        assert store.delete_objects(request).deleted == 2
        assert store.delete_objects(request).deleted == 2
        assert store.delete_objects(DeleteRequest(bucket=bucket, keys=())).deleted == 0
        with pytest.raises(ObjectNotFound):
            store.head_object(ObjectRef(bucket=bucket, key="a/b"))
        assert store.head_bucket(BucketRef(bucket=bucket)).bucket == bucket

    def test_a_copy_has_bytes_and_metadata_and_a_life_of_its_own(self, store: Store, bucket: str) -> None:
        store.put_object(PutRequest(bucket=bucket, key="source", body=b"bytes", metadata={"colour": "blue"}))
        put(store, bucket, "b/target", b"what was there before")
        ref = ObjectRef(bucket=bucket, key="b/target")
        copied = store.copy_object(CopyRequest(source=ObjectRef(bucket=bucket, key="source"), target=ref))
        put(store, bucket, "source", b"changed")
        head = store.head_object(ref)
        assert (head.bucket, head.key, head.size_bytes, head.etag) == (bucket, "b/target", 5, copied.etag)
        assert dict(head.metadata) == {"colour": "blue"}
        assert get(store, bucket, "b/target") == b"bytes"

    def test_writers_and_deleters_of_one_folder_do_not_disturb_each_other(self, store: Store, bucket: str) -> None:
        def churn() -> None:
            mine = f"x/y/{os.urandom(4).hex()}"
            for _ in range(10):
                put(store, bucket, mine, b"x")
                assert get(store, bucket, mine) == b"x"
                store.delete_objects(DeleteRequest(bucket=bucket, keys=(mine,)))

        in_threads(8, churn)
        assert keys_of(store, bucket) == []

    # --- where workers run

    def test_a_worker_opens_the_same_store(self, store: DriverStore, bucket: str) -> None:
        part = store.worker_part()
        request = {"target": part.target, "arguments": part.arguments, "bucket": bucket}
        ran = subprocess.run(
            [sys.executable, "-c", _WORKER], input=json.dumps(request), capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"its worker part cannot write and read an object:\n{ran.stderr}"
        assert not set(json.loads(ran.stdout)) & {"pydantic", "pluggy"}, "a worker's runtime need not have these"
        body = store.get_object(GetRequest(bucket=bucket, key="from/a/worker")).stream
        with contextlib.closing(body):
            assert body.read() == b"here"


def put(store: Store, bucket: str, key: str, body: bytes) -> ObjectMeta:
    """Write an object."""
    return store.put_object(PutRequest(bucket=bucket, key=key, body=body))


def get(store: Store, bucket: str, key: str, wanted: ByteRange | None = None) -> bytes:
    """Read an object or a range of it."""
    body = store.get_object(GetRequest(bucket=bucket, key=key, range=wanted))
    with contextlib.closing(body.stream) as stream:
        return stream.read()


def keys_of(store: Store, bucket: str, prefix: str = "", start_after: str = "") -> list[str]:
    """List keys in the order of the store."""
    request = ListRequest(bucket=bucket, prefix=prefix, start_after=start_after)
    return [meta.key for meta in store.list_objects(request).objects]


def in_threads(count: int, work: Callable[[], None]) -> None:
    """Run `work` in so many threads that begin together; raise what one of them raises."""
    barrier = Barrier(count)

    def run() -> None:
        barrier.wait(timeout=30)
        work()

    with ThreadPoolExecutor(count) as threads:
        for future in [threads.submit(run) for _ in range(count)]:
            future.result(timeout=120)
