"""What the local store leaves on the disk, and what it refuses to touch."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import stat
import zipfile
from pathlib import Path

import pytest

from lithops.errors import AccessDenied, BucketNotFound, ObjectNotFound, PreconditionFailed, StorageError
from lithops.storage.local.client import LocalStorageClient
from lithops.storage.local.native import NativeClient
from lithops.types import (
    BucketRef,
    CopyRequest,
    DeleteRequest,
    GetRequest,
    ListRequest,
    ObjectRef,
    PutRequest,
)


@pytest.fixture
def client(tmp_path: Path) -> LocalStorageClient:
    return LocalStorageClient(tmp_path / "store")


def put(client: LocalStorageClient, key: str, body: bytes = b"x") -> None:
    client.put_object(PutRequest(bucket="b", key=key, body=body))


def get(client: LocalStorageClient, key: str) -> bytes:
    with contextlib.closing(client.get_object(GetRequest(bucket="b", key=key)).stream) as stream:
        return stream.read()


def keys(client: LocalStorageClient) -> list[str]:
    return [meta.key for meta in client.list_objects(ListRequest(bucket="b")).objects]


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_making_a_client_touches_no_disk(client: LocalStorageClient) -> None:
    assert not Path(client.root).exists()
    with pytest.raises(BucketNotFound):
        client.list_objects(ListRequest(bucket="b"))
    assert not Path(client.root).exists()


def test_all_files_are_private_whatever_the_umask(client: LocalStorageClient) -> None:
    before = os.umask(0)
    try:
        client.put_object(PutRequest(bucket="b", key="x/y", body=b"x", metadata={"a": "b"}))
    finally:
        os.umask(before)
    root = Path(client.root)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    assert {modes[path] for path in modes if path.is_dir()} == {0o700}
    assert {modes[path] for path in modes if path.is_file()} == {0o600}


def test_an_object_is_one_file_that_begins_with_its_bytes(client: LocalStorageClient) -> None:
    client.put_object(PutRequest(bucket="b", key="data.csv", body=b"1,2,3", metadata={"a": "b"}))
    (file,) = files_below(Path(client.root) / "b")
    assert file.name == "data.csv"
    assert file.read_bytes().startswith(b"1,2,3")


def test_nothing_is_left_of_what_was_written_and_deleted(client: LocalStorageClient) -> None:
    put(client, "a/b/c/d")
    put(client, "a/b/" + "k" * 500)
    client.delete_objects(DeleteRequest(bucket="b", keys=("a/b/c/d", "a/b/" + "k" * 500)))
    root = Path(client.root)
    assert list((root / "b").iterdir()) == []
    assert list((root / ".incoming").iterdir()) == []


def test_a_folder_that_still_holds_something_stays(client: LocalStorageClient) -> None:
    put(client, "a/b/c")
    put(client, "a/d")
    client.delete_objects(DeleteRequest(bucket="b", keys=("a/b/c",)))
    assert keys(client) == ["a/d"]
    assert [path.name for path in (Path(client.root) / "b" / "a%").iterdir()] == ["d"]


@pytest.mark.parametrize("key", ["../../outside", "/etc/passwd", "..", "a/../../../outside", "x\0y"])
def test_no_key_leads_outside(client: LocalStorageClient, tmp_path: Path, key: str) -> None:
    put(client, key, b"inside")
    assert get(client, key) == b"inside"
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_no_bucket_leads_outside(client: LocalStorageClient, tmp_path: Path) -> None:
    client.put_object(PutRequest(bucket="../outside", key="key", body=b"x"))
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_a_link_to_a_folder_is_never_followed(client: LocalStorageClient, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    put(client, "kept")
    (Path(client.root) / "b" / "link%").symlink_to(outside)
    for ask in (
        lambda: put(client, "link/key"),
        lambda: client.get_object(GetRequest(bucket="b", key="link/key")),
        lambda: client.delete_objects(DeleteRequest(bucket="b", keys=("link/key",))),
        lambda: client.list_objects(ListRequest(bucket="b", prefix="link/")),
    ):
        with pytest.raises(
            AccessDenied, match=r"link%' is not a folder of the local store but a link or a file; remove"
        ):
            ask()
    assert keys(client) == ["kept"]
    assert list(outside.iterdir()) == []


def test_a_link_to_a_file_is_neither_read_nor_listed_and_is_replaced(
    client: LocalStorageClient, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    put(client, "kept")
    secret.write_bytes((Path(client.root) / "b" / "kept").read_bytes())
    (Path(client.root) / "b" / "link").symlink_to(secret)
    with pytest.raises(AccessDenied, match="cannot read object 'link' in bucket 'b' of the local store"):
        get(client, "link")
    assert keys(client) == ["kept"]
    put(client, "link", b"new")
    assert get(client, "link") == b"new"
    assert secret.read_bytes().startswith(b"x")


def test_a_link_in_place_of_a_bucket_is_refused(client: LocalStorageClient, tmp_path: Path) -> None:
    put(client, "key")
    (Path(client.root) / "other").symlink_to(tmp_path)
    with pytest.raises(AccessDenied, match="remove it, or set another 'root'"):
        client.head_bucket(BucketRef(bucket="other"))
    with pytest.raises(AccessDenied):
        client.create_bucket(BucketRef(bucket="other"))


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    put(LocalStorageClient(tmp_path / "link"), "key", b"x")
    assert get(LocalStorageClient(tmp_path / "real"), "key") == b"x"


def test_a_tilde_in_the_root_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LocalStorageClient("~/store").root == str(tmp_path.resolve() / "store")


@pytest.mark.parametrize("cut", [1, 20, 10_000])
def test_an_object_that_lost_its_end_is_reported_and_not_listed(client: LocalStorageClient, cut: int) -> None:
    put(client, "whole")
    put(client, "cut", b"x" * 20_000)
    file = Path(client.root) / "b" / "cut"
    os.truncate(file, file.stat().st_size - cut)
    with pytest.raises(
        StorageError, match=r"object 'cut' in bucket 'b' .* is damaged: .*; write it again or delete it"
    ):
        get(client, "cut")
    assert keys(client) == ["whole"]
    put(client, "cut", b"again")
    assert get(client, "cut") == b"again"


def test_a_stray_file_is_no_object(client: LocalStorageClient) -> None:
    put(client, "key")
    (Path(client.root) / "b" / "stray").write_text("made by hand")
    assert keys(client) == ["key"]
    with pytest.raises(StorageError, match=r"'stray' .* is damaged: it is too short to be one"):
        get(client, "stray")


def test_a_reader_keeps_the_version_it_opened(client: LocalStorageClient) -> None:
    put(client, "key", b"old" * 100_000)
    body = client.get_object(GetRequest(bucket="b", key="key"))
    put(client, "key", b"new")
    client.delete_objects(DeleteRequest(bucket="b", keys=("key",)))
    with contextlib.closing(body.stream) as stream:
        assert stream.read() == b"old" * 100_000


def test_a_stream_can_seek_so_that_archives_open_on_it(client: LocalStorageClient) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inside.txt", "text")
    put(client, "archive.zip", archive.getvalue())
    stream = client.get_object(GetRequest(bucket="b", key="archive.zip")).stream
    assert isinstance(stream, io.BufferedReader)
    with stream, zipfile.ZipFile(stream) as file:
        assert file.read("inside.txt") == b"text"


def test_a_stream_reads_lines_and_refuses_to_seek_before_its_beginning(client: LocalStorageClient) -> None:
    put(client, "key", b"one\ntwo\nthree")
    stream = client.get_object(GetRequest(bucket="b", key="key")).stream
    assert isinstance(stream, io.BufferedReader)
    with stream:
        assert [line.strip() for line in stream] == [b"one", b"two", b"three"]
        assert stream.seek(-5, io.SEEK_END) == 8
        assert stream.read() == b"three"
        with pytest.raises(ValueError, match=r"cannot seek to -1: that is before the beginning"):
            stream.seek(-14, io.SEEK_END)


def test_a_listing_leaves_out_what_is_deleted_meanwhile(client: LocalStorageClient) -> None:
    for number in range(20):
        put(client, f"{number:02}/x")
    listing = client.list_objects(ListRequest(bucket="b")).objects
    assert next(listing).key == "00/x"
    client.delete_objects(DeleteRequest(bucket="b", keys=tuple(f"{number:02}/x" for number in range(1, 19))))
    assert [meta.key for meta in listing] == ["19/x"]


def test_a_listing_reads_only_the_folders_that_matter(
    client: LocalStorageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        put(client, f"{number:02}/x")
    seen: list[str] = []
    scandir = os.scandir

    def counted(path: str) -> object:
        seen.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    listed = client.list_objects(ListRequest(bucket="b", prefix="07/")).objects
    assert seen == []
    assert [meta.key for meta in listed] == ["07/x"]
    assert seen == ["07%"]
    del seen[:]
    assert next(client.list_objects(ListRequest(bucket="b", start_after="18")).objects).key == "18/x"
    assert seen == ["b", "18%"]


def test_a_body_read_as_text_is_refused(client: LocalStorageClient) -> None:
    with pytest.raises(
        StorageError, match=r"its read\(\) returned 'str' where bytes are needed; open files with mode 'rb'"
    ):
        client.put_object(PutRequest(bucket="b", key="key", body=io.StringIO("text")))  # type: ignore[arg-type]
    assert list((Path(client.root) / ".incoming").iterdir()) == []


def test_a_memoryview_with_gaps_is_written_as_it_reads(client: LocalStorageClient) -> None:
    client.put_object(PutRequest(bucket="b", key="key", body=memoryview(b"0123456789")[::2]))
    assert get(client, "key") == b"02468"


def test_put_if_absent_and_if_match_contradict_each_other(client: LocalStorageClient) -> None:
    with pytest.raises(StorageError, match="cannot write object 'key' in bucket 'b': 'if_match' contradicts"):
        client.put_if_absent(PutRequest(bucket="b", key="key", body=b"x", if_match="etag"))


def test_messages_of_failed_conditions_say_what_was_found(client: LocalStorageClient) -> None:
    etag = client.put_object(PutRequest(bucket="b", key="key", body=b"x")).etag
    with pytest.raises(PreconditionFailed) as changed:
        client.put_object(PutRequest(bucket="b", key="key", body=b"y", if_match="old"))
    assert str(changed.value) == (
        f"object 'key' in bucket 'b' has the etag {etag!r}, not 'old': it changed since it was read"
    )
    with pytest.raises(PreconditionFailed) as missing:
        client.put_object(PutRequest(bucket="b", key="no", body=b"y", if_match="old"))
    assert str(missing.value) == (
        "cannot replace object 'no' in bucket 'b': it should have the etag 'old' but does not exist"
    )
    with pytest.raises(PreconditionFailed) as exists:
        client.put_if_absent(PutRequest(bucket="b", key="key", body=b"y"))
    assert str(exists.value) == (
        "cannot write object 'key' in bucket 'b': it exists already; use another key, or put_object to replace it"
    )


def test_messages_of_what_is_missing_name_the_store(client: LocalStorageClient) -> None:
    with pytest.raises(BucketNotFound) as no_bucket:
        get(client, "key")
    assert str(no_bucket.value) == (
        f"there is no bucket 'b' in the local store in {client.root!r}; make it with create_bucket"
    )
    put(client, "other")
    with pytest.raises(ObjectNotFound) as no_object:
        get(client, "key")
    assert str(no_object.value) == f"there is no object 'key' in bucket 'b' in the local store in {client.root!r}"


def test_an_object_can_be_copied_onto_itself_and_into_a_new_bucket(client: LocalStorageClient) -> None:
    put(client, "key", b"bytes")
    here = ObjectRef(bucket="b", key="key")
    for target in (here, ObjectRef(bucket="new", key="key")):
        client.copy_object(CopyRequest(source=here, target=target))
        assert client.head_object(target).size_bytes == 5


def test_a_client_survives_the_removal_of_its_root(client: LocalStorageClient, tmp_path: Path) -> None:
    put(client, "key")
    Path(client.root).rename(tmp_path / "gone")
    client.create_bucket(BucketRef(bucket="b"))
    client.delete_objects(DeleteRequest(bucket="b", keys=("key",)))
    put(client, "key", b"again")
    assert get(client, "key") == b"again"


def test_a_pickled_client_opens_the_same_store(client: LocalStorageClient) -> None:
    put(client, "key", b"x")
    assert get(pickle.loads(pickle.dumps(client)), "key") == b"x"
    assert repr(client) == f"LocalStorageClient(root={client.root!r})"


def test_a_file_system_without_hard_links_still_has_one_winner(
    client: LocalStorageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    client.put_if_absent(PutRequest(bucket="b", key="x/key", body=b"first"))
    with pytest.raises(PreconditionFailed, match="it exists already"):
        client.put_if_absent(PutRequest(bucket="b", key="x/key", body=b"second"))
    assert get(client, "x/key") == b"first"


def test_the_native_client_has_the_shape_of_object_store_clients(client: LocalStorageClient, tmp_path: Path) -> None:
    native = NativeClient(client)
    native.create_bucket(Bucket="b")
    assert native.list_objects_v2(Bucket="b") == {"KeyCount": 0, "IsTruncated": False}
    etag = native.put_object(Bucket="b", Key="key", Body=b"0123456789", Metadata={"a": "b"})["ETag"]
    answer = native.get_object(Bucket="b", Key="key", Range="bytes=2-4")
    with answer["Body"] as body:
        assert body.read() == b"234"
    head = native.head_object(Bucket="b", Key="key")
    assert (head["ContentLength"], head["ETag"], head["Metadata"]) == (10, etag, {"a": "b"})
    assert [entry["Key"] for entry in native.list_objects_v2(Bucket="b", Prefix="k")["Contents"]] == ["key"]
    native.download_file(Bucket="b", Key="key", Filename=str(tmp_path / "file"))
    native.upload_file(Filename=str(tmp_path / "file"), Bucket="b", Key="copy")
    assert get(client, "copy") == b"0123456789"
    native.delete_object(Bucket="b", Key="copy")
    assert keys(client) == ["key"]
