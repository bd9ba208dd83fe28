"""`Storage` on the local store."""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import BadCallError, BucketNotFound, ConfigError, ObjectNotFound, StorageError, StorageMismatchError
from lithops.storage import CloudObject, Storage, StorageNoSuchKeyError
from lithops.storage.local.client import LocalStorageClient


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE", "__LITHOPS_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


@pytest.fixture
def storage() -> Storage:
    return Storage()


def test_without_configuration_it_is_the_local_store_in_the_state_folder(storage: Storage, state: Path) -> None:
    assert (storage.backend, storage.bucket) == ("localhost", "storage")
    assert isinstance(storage.storage_handler, LocalStorageClient)
    assert storage.storage_handler.root == str(state.resolve() / "storage")
    section = {"root": str(state.resolve() / "storage")}
    assert storage.get_storage_config() == {"backend": "localhost", "bucket": "storage", "localhost": section}
    assert repr(storage) == "<Storage localhost, bucket 'storage'>"


@pytest.mark.parametrize(
    "body", [b"\xc3\xa9", bytearray(b"\xc3\xa9"), memoryview(b"\xc3\xa9"), "\u00e9", io.BytesIO(b"\xc3\xa9")]
)
def test_anything_that_holds_bytes_or_text_can_be_put(storage: Storage, body: bytes) -> None:
    storage.put_object("b", "key", body)
    assert storage.get_object("b", "key") == b"\xc3\xa9"


def test_a_range_reads_a_part(storage: Storage) -> None:
    storage.put_object("b", "key", b"0123456789")
    assert storage.get_object("b", "key", extra_get_args={"Range": "bytes=2-4"}) == b"234"
    with storage.get_object("b", "key", stream=True, extra_get_args={"Range": "bytes=-2"}) as stream:
        assert stream.read() == b"89"


def test_a_stream_reads_on_demand(storage: Storage) -> None:
    storage.put_object("b", "key", b"one\ntwo\n")
    with storage.get_object("b", "key", stream=True) as stream:
        assert stream.readline() == b"one\n"
        assert stream.read(2) == b"tw"


def test_unknown_extra_arguments_are_refused(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"^reading an object cannot do 'VersionId'; the one extra argument is 'Range'$"
    ):
        storage.get_object("b", "key", extra_get_args={"VersionId": "1"})
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(
        StorageError, match=r"^upload_file cannot do 'ACL', 'Tagging' of extra_args; it knows 'Metadata'"
    ):
        storage.upload_file(tmp_path / "file", "b", extra_args={"Tagging": "x", "ACL": "public", "Metadata": {}})


def test_a_missing_key_raises_the_error_users_catch(storage: Storage) -> None:
    storage.create_bucket("b")
    with pytest.raises(StorageNoSuchKeyError, match=r"^there is no object 'no' in bucket 'b' in the local store in "):
        storage.get_object("b", "no")
    with pytest.raises(KeyError):
        storage.head_object("b", "no")


def test_a_missing_bucket_is_told_apart_from_a_missing_key(storage: Storage) -> None:
    with pytest.raises(BucketNotFound, match=r"there is no bucket 'no' .* make it with create_bucket"):
        storage.list_keys("no")
    with pytest.raises(BucketNotFound):
        storage.head_bucket("no")
    storage.create_bucket("no")
    storage.create_bucket("no")
    assert storage.head_bucket("no")["Bucket"] == "no"


def test_head_object_speaks_http(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"four")
    assert storage.upload_file(tmp_path / "file", "b", "key", extra_args={"Metadata": {"Colour": "blue"}}) is True
    head = storage.head_object("b", "key")
    assert head["content-length"] == "4"
    assert head["x-meta-colour"] == "blue"
    assert head["etag"]
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", head["last-modified"])


def test_files_go_up_and_come_down_under_their_own_names(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.bin").write_bytes(b"0123456789" * 300_000)
    assert storage.upload_file(str(tmp_path / "data.bin"), "b") is True
    assert storage.list_keys("b") == ["data.bin"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert storage.download_file("b", "data.bin") is True
    assert storage.download_file("b", "data.bin", "new/folder/part", extra_args={"Range": "bytes=0-3"}) is True
    assert Path("data.bin").read_bytes() == (tmp_path / "data.bin").read_bytes()
    assert Path("new/folder/part").read_bytes() == b"0123"


def test_a_failed_download_raises_and_leaves_no_file(storage: Storage, tmp_path: Path) -> None:
    storage.create_bucket("b")
    with pytest.raises(ObjectNotFound):
        storage.download_file("b", "no", str(tmp_path / "new" / "file"))
    assert not (tmp_path / "new").exists()


def test_a_failed_upload_raises(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "missing"))):
        storage.upload_file(str(tmp_path / "missing"), "b")


def test_listing_gives_dicts_keys_and_globs(storage: Storage) -> None:
    for key in ("b/2.csv", "b/1.csv", "b/x.txt", "a"):
        storage.put_object("b", key, b"12345")
    assert storage.list_keys("b") == ["a", "b/1.csv", "b/2.csv", "b/x.txt"]
    assert storage.list_keys("b", prefix="b/") == ["b/1.csv", "b/2.csv", "b/x.txt"]
    found = storage.list_objects("b", prefix="b/", match_pattern="*.csv")
    assert [entry["Key"] for entry in found] == ["b/1.csv", "b/2.csv"]
    assert {entry["Size"] for entry in found} == {5}
    assert abs((datetime.now(UTC) - found[0]["LastModified"]).total_seconds()) < 300
    assert storage.list_objects("b", match_pattern="b/[12].*") == found
    storage.create_bucket("empty")
    assert storage.list_objects("empty") == []


def test_deleting_takes_one_key_or_many_and_does_not_mind_missing_ones(storage: Storage) -> None:
    for key in ("a", "b", "c", "abc"):
        storage.put_object("b", key, b"")
    storage.delete_object("b", "a")
    storage.delete_object("b", "a")
    storage.delete_objects("b", ["abc"])
    assert storage.list_keys("b") == ["b", "c"]
    storage.delete_objects("b", iter(["b", "never"]))
    assert storage.list_keys("b") == ["c"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("abc", "keys must be a list of keys, found 'abc'; write ['abc']"),
        (3, "keys must be a list of keys, found 3 of type 'int'"),
        (["a", 3], "keys must be a list of keys, found 3 of type 'int' in it"),
    ],
)
def test_keys_that_are_no_list_of_keys_are_refused_and_nothing_is_deleted(
    storage: Storage, keys: Any, message: str
) -> None:
    for key in "abc":
        storage.put_object("b", key, b"")
    with pytest.raises(BadCallError, match=f"^{re.escape(message)}$"):
        storage.delete_objects("b", keys)
    assert storage.list_keys("b") == ["a", "b", "c"]


@pytest.mark.parametrize("body", [3, None, [1]], ids=repr)
def test_a_body_that_holds_no_bytes_is_refused(storage: Storage, body: Any) -> None:
    storage.create_bucket("b")
    message = f"body must be bytes, text or a binary file, found {body!r} of type {type(body).__name__!r}; write pickle"
    for put in (lambda: storage.put_object("b", "key", body), lambda: storage.put_cloudobject(body, "b", "key")):
        with pytest.raises(BadCallError, match=re.escape(message)):
            put()
    assert storage.list_keys("b") == []


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda storage: storage.get_cloudobject("x"), "cloudobject must be a CloudObject"),
        (lambda storage: storage.delete_cloudobject(None), "cloudobject must be a CloudObject"),
        (lambda storage: storage.delete_cloudobjects(["x"]), r"cloudobjects\[0\] must be a CloudObject"),
        (lambda storage: storage.delete_cloudobjects("x"), "cloudobjects must be a list of CloudObjects"),
        (lambda storage: storage.delete_cloudobjects(3), "cloudobjects must be a list of CloudObjects"),
    ],
    ids=["get", "delete", "one of many", "text", "number"],
)
def test_what_is_no_cloud_object_is_refused(storage: Storage, use: Callable[[Storage], Any], message: str) -> None:
    with pytest.raises(BadCallError, match=rf"^{message}.*, found ('x'|None|3) of type '(str|NoneType|int)'$"):
        use(storage)


def test_a_cloud_object_gets_a_fresh_key_below_the_session(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("__LITHOPS_SESSION_ID", "ab12cd-0-M000-00003")
    first, second = storage.put_cloudobject(b"1"), storage.put_cloudobject("2")
    assert first.backend == "localhost"
    assert first.bucket == "storage"
    assert re.fullmatch(r"lithops\.jobs/tmp/ab12cd-0-M000-00003/cloudobject_[0-9a-f]{16}", first.key)
    assert first != second
    assert storage.get_cloudobject(first) == b"1"
    with storage.get_cloudobject(second, stream=True) as stream:
        assert stream.read() == b"2"


def test_cloud_objects_of_several_buckets_are_deleted_together(storage: Storage) -> None:
    objects = [storage.put_cloudobject(b"x", bucket=name, key="k/ey") for name in ("one", "two", "two")]
    assert str(objects[0]) == "<CloudObject at localhost://one/k/ey>"
    storage.delete_cloudobjects(objects)
    assert storage.list_keys("one") == storage.list_keys("two") == []
    storage.delete_cloudobject(objects[0])


def test_a_cloud_object_of_another_store_is_refused(storage: Storage) -> None:
    kept = storage.put_cloudobject(b"x")
    foreign = CloudObject("aws_s3", "bucket", "key")
    message = (
        r"^<CloudObject at aws_s3://bucket/key> belongs to the storage backend 'aws_s3' but this is 'localhost'; "
        r"use Storage\(backend='aws_s3'\)$"
    )
    with pytest.raises(StorageMismatchError, match=message):
        storage.get_cloudobject(foreign)
    with pytest.raises(StorageMismatchError):
        storage.delete_cloudobjects([kept, foreign])
    assert storage.get_cloudobject(kept) == b"x"


def test_without_a_default_bucket_a_cloud_object_needs_one(storage: Storage) -> None:
    bare = Storage.over(storage.storage_handler, backend="acme", bucket="", section={})
    with pytest.raises(StorageError, match=r"^put_cloudobject needs a bucket: name one, or set 'storage_bucket' in"):
        bare.put_cloudobject(b"x")
    assert bare.put_cloudobject(b"x", bucket="b").backend == "acme"


def test_a_store_without_a_client_of_its_own_says_so(storage: Storage) -> None:
    bare = Storage.over(storage.storage_handler, backend="acme", bucket="b", section={})
    with pytest.raises(StorageError, match=r"^the storage backend 'acme' has no client of its own; use the methods of"):
        bare.get_client()


def test_get_client_speaks_like_an_object_store_client(storage: Storage) -> None:
    client = storage.get_client()
    client.put_object(Bucket="b", Key="key", Body=b"x")  # type: ignore[attr-defined] # its type depends on the store
    assert storage.get_object("b", "key") == b"x"


def test_root_and_bucket_come_from_the_configuration(tmp_path: Path) -> None:
    config = {"localhost": {"root": str(tmp_path / "mine"), "storage_bucket": "results"}}
    storage = Storage(config=config)
    storage.put_cloudobject(b"x", key="key")
    assert storage.bucket == "results"
    assert (tmp_path / "mine" / "results" / "key").is_file()
    again = Storage(storage_config=storage.get_storage_config())
    assert again.get_object("results", "key") == b"x"


def test_a_wrong_storage_config_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Storage(storage_config={"bucket": "b"})
    assert str(caught.value) == (
        "storage_config names no backend (its keys: 'bucket'); "
        "write it as {'backend': NAME, 'bucket': BUCKET, NAME: {...}}"
    )
    with pytest.raises(ConfigError, match="rooot"):
        Storage(storage_config={"backend": "localhost", "localhost": {"rooot": "/x"}})


def test_a_pickle_opens_the_same_store(tmp_path: Path) -> None:
    storage = Storage(config={"localhost": {"root": str(tmp_path / "mine"), "storage_bucket": "results"}})
    reference = storage.put_cloudobject(b"x")
    copy = pickle.loads(pickle.dumps(storage))
    assert copy.bucket == "results"
    assert copy.get_cloudobject(reference) == b"x"


def test_a_pickle_finds_its_store_from_another_folder_and_state(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relative = Storage(config={"localhost": {"root": "here"}})
    pickles = [(pickle.dumps(each), each.put_cloudobject(b"x")) for each in (storage, relative)]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "another-state"))
    for pickled, reference in pickles:
        assert pickle.loads(pickled).get_cloudobject(reference) == b"x"


def test_an_executors_settings_serve_as_configuration(tmp_path: Path) -> None:
    from lithops.config import resolve

    settings = resolve(config={"localhost": {"root": str(tmp_path / "mine")}})
    storage = Storage(config=settings)
    assert storage.config is settings
    assert isinstance(storage.storage_handler, LocalStorageClient)
    assert storage.storage_handler.root == str(tmp_path.resolve() / "mine")


def test_the_local_store_needs_no_plugin_machinery() -> None:
    code = (
        "import pickle, sys; from lithops import Storage; s = Storage(); co = s.put_cloudobject(b'x'); "
        "assert pickle.loads(pickle.dumps(s)).get_cloudobject(co) == b'x'; s.list_keys(s.bucket); "
        "print([name for name in ('pydantic', 'pluggy', 'yaml', 'importlib.metadata', 'boto3') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=own_environment()
    )
    assert answer.stdout == "[]\n"


def own_environment(*more: str) -> dict[str, str]:
    import os

    source = str(Path(sys.modules["lithops"].__path__[0]).parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*more, source])}


ACME = """
from pydantic import BaseModel, ConfigDict, SecretStr
import lithops
from lithops.storage.local.client import LocalStorageClient

class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    folder: str
    storage_bucket: str = "acme-bucket"
    password: SecretStr = SecretStr("")

class Acme:
    name = "acme"
    Config = Config

    @lithops.hookimpl
    def configure(self, config, executor):
        self.password = config.password.get_secret_value()
        self.inner = LocalStorageClient(config.folder)

    def get_client(self):
        return f"client with {self.password!r}"

    @lithops.hookimpl
    def put_object(self, request):
        return self.inner.put_object(request)

    @lithops.hookimpl
    def get_object(self, request):
        return self.inner.get_object(request)
"""

USE_ACME = """
import os, pickle, sys
from lithops import Storage
config = {"lithops": {"storage": "acme"}, "acme": {"folder": sys.argv[1], "password": "hush"}}
storage = Storage(config=config)
co = storage.put_cloudobject(b"in acme")
print(co.backend, co.bucket, storage.get_client())
pickled = pickle.dumps(storage)
assert b"hush" not in pickled
assert "hush" not in repr(storage) + repr(storage.get_storage_config())
copy = pickle.loads(pickled)
print(copy.get_cloudobject(co), copy.get_client())
os.environ["LITHOPS_CONFIG"] = '{"lithops": {"storage": "acme"}, "acme": {"folder": "/other", "password": "remade"}}'
copy = pickle.loads(pickled)
print(copy.get_cloudobject(co), copy.get_client())
print(Storage(storage_config=storage.get_storage_config()).get_client())
"""


def test_another_store_is_found_by_name_and_pickled_without_its_secrets(tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "lithops_storage_acme-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "lithops_storage_acme.py").write_text(ACME)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lithops-storage-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lithops.storage]\nacme = lithops_storage_acme:Acme\n")
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", USE_ACME, str(tmp_path / "acme")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=own_environment(str(site)),
    )
    assert answer.stderr == ""
    assert answer.stdout.splitlines() == [
        "acme acme-bucket client with 'hush'",
        "b'in acme' client with ''",
        "b'in acme' client with 'remade'",
        "client with 'hush'",
    ]
