"""What the reference storage backend makes of the store's answers, and of having none."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from lithops import errors
from lithops.storage import Storage
from lithops.types import (
    BucketRef,
    CopyRequest,
    DeleteRequest,
    ExecutorInfo,
    GetRequest,
    ListRequest,
    ObjectRef,
    PresignRequest,
    PutRequest,
)
from lithops_testing import StoreDouble as Service
from lithops_testing.backends.store import asking
from lithops_testing.backends.store.client import StoreClient
from lithops_testing.backends.store.config import StoreDoubleConfig
from lithops_testing.backends.store.plugin import StoreDouble

BUCKET = "lithops"
DEADLINE_S = 30
INFO = ExecutorInfo(executor_id="x", mode="", backend="", storage="store_double", state_dir="")
_FORKS = """
import os, sys
from lithops.types import GetRequest, PutRequest
from lithops_testing.backends.store.client import StoreClient
client = StoreClient(sys.argv[1], sys.argv[2])
client.put_object(PutRequest(bucket="lithops", key="key", body=b"here"))
def read():
    stream = client.get_object(GetRequest(bucket="lithops", key="key")).stream
    assert stream.read() == b"here"
    stream.close()
pid = os.fork()
for _ in range(20):
    read()
if pid == 0:
    os._exit(0)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture
def client(store_double: Service) -> StoreClient:
    return StoreClient(store_double.endpoint, store_double.ca_file, store_double.token.get_secret_value())


def put(client: StoreClient, key: str = "key", body: bytes = b"here", **more: Any) -> str:
    return client.put_object(PutRequest(bucket=BUCKET, key=key, body=body, **more)).etag


def get(client: StoreClient, key: str = "key") -> bytes:
    with contextlib.closing(client.get_object(GetRequest(bucket=BUCKET, key=key)).stream) as stream:
        return stream.read()


def opened(service: Service) -> StoreDouble:
    plugin = StoreDouble()
    plugin.configure(StoreDoubleConfig.model_validate(service.config), INFO)
    return plugin


# --- errors


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("slow_down", errors.StorageUnavailable, "answers 503: the store is asked too much .*; try again later"),
        ("error_500", errors.StorageUnavailable, "answers 500: the store has failed .*; try again later"),
        ("lost_answer", errors.StorageUnavailable, "does not answer: .*; is `endpoint` right"),
        ("truncated_body", errors.StorageUnavailable, "does not answer: .*; is `endpoint` right"),
        ("denied", errors.AccessDenied, r"does not allow it \(403\): .*; is `token` right"),
    ],
)
def test_what_lasts_is_told_and_names_the_request(
    client: StoreClient, store_double: Service, fault: str, error: type[Exception], message: str
) -> None:
    store_double.inject(**{fault: 1})
    with pytest.raises(
        error, match=f"cannot write object 'key' in bucket 'lithops': the store at .* {message}"
    ) as caught:
        put(client)
    assert store_double.token.get_secret_value() not in str(caught.value)
    assert store_double.counters()["by_kind"]["put"] == (1 if fault == "denied" else asking.TRIES)


@pytest.mark.parametrize("fault", ["slow_down", "error_500", "lost_answer", "truncated_body"])
def test_what_passes_is_not_noticed(client: StoreClient, store_double: Service, fault: str) -> None:
    once = {fault: {"next": asking.TRIES - 1}}
    for ask in (
        lambda: put(client),
        lambda: get(client),
        lambda: client.copy_object(CopyRequest(source=ref("key"), target=ref("copy"))),
        lambda: list(client.list_objects(ListRequest(bucket=BUCKET)).objects),
        lambda: client.delete_objects(DeleteRequest(bucket=BUCKET, keys=("key",))),
        lambda: client.create_bucket(BucketRef(bucket="other")),
    ):
        store_double.inject(**once)
        ask()
        assert store_double.counters()["faults"] == {fault: asking.TRIES - 1}


def ref(key: str) -> ObjectRef:
    return ObjectRef(bucket=BUCKET, key=key)


def test_a_store_that_is_gone_is_unavailable() -> None:
    with Service() as short_lived:
        client = StoreClient(short_lived.endpoint, short_lived.ca_file, short_lived.token.get_secret_value())
        put(client)
    with pytest.raises(errors.StorageUnavailable, match="does not answer: .*refused"):
        get(client)


def test_a_wrong_token_is_denied_and_not_shown(store_double: Service) -> None:
    client = StoreClient(store_double.endpoint, store_double.ca_file, "not-the-one")
    with pytest.raises(errors.AccessDenied, match="this token is not the service's; is `token` right") as caught:
        put(client)
    assert "not-the-one" not in f"{caught.value} {client!r} {client.identity!r}"


def test_a_store_with_another_certificate_is_not_trusted(store_double: Service) -> None:
    client = StoreClient(store_double.endpoint, None, "token")
    with pytest.raises(
        errors.StorageError, match="cannot be trusted: .*; does `ca_file` hold its certificate"
    ) as caught:
        put(client)
    assert not isinstance(caught.value, errors.StorageUnavailable)


def test_certificates_that_are_not_there_are_told(store_double: Service) -> None:
    with pytest.raises(errors.StorageError, match="the certificates to trust cannot be read from '/no/such'"):
        put(StoreClient(store_double.endpoint, "/no/such", "token"))


def test_what_is_too_large_is_told(client: StoreClient, store_double: Service) -> None:
    store_double.configure(object_bytes=3)
    with pytest.raises(errors.StorageError, match="answers 413: the object has 4 bytes, and 3 are the most"):
        put(client)


@pytest.mark.parametrize("names", [{"key": "\ud800"}, {"bucket": "\ud800"}, {"metadata": {"\ud800": ""}}])
def test_what_utf8_cannot_hold_is_told(client: StoreClient, names: dict[str, Any]) -> None:
    with pytest.raises(errors.StorageError, match="cannot be written as UTF-8: surrogates not allowed"):
        client.put_object(PutRequest(**{"bucket": BUCKET, "key": "key", "body": b"", **names}))


def test_if_match_contradicts_put_if_absent(client: StoreClient) -> None:
    with pytest.raises(errors.StorageError, match="'if_match' contradicts that it must not exist yet"):
        client.put_if_absent(PutRequest(bucket=BUCKET, key="key", body=b"", if_match="x"))


# --- writes of which it is not known whether they were done


@pytest.mark.parametrize("fault", ["lost_answer", "truncated_body"])
def test_our_own_write_is_no_failed_condition(client: StoreClient, store_double: Service, fault: str) -> None:
    store_double.inject(**{fault: {"next": 2}})
    written = client.put_if_absent(PutRequest(bucket=BUCKET, key="key", body=b"here"))
    assert store_double.counters()["by_kind"] == {"put_if_absent": 3}
    store_double.inject(**{fault: {"next": 1}})
    replaced = put(client, body=b"new", if_match=written.etag)
    assert (client.head_object(ref("key")).etag, get(client)) == (replaced, b"new")


def test_the_same_bytes_of_somebody_else_are_not_ours(client: StoreClient, store_double: Service) -> None:
    put(client)
    for fault in ("slow_down", "lost_answer"):
        store_double.inject(**{fault: {"next": 1}})
        with pytest.raises(errors.PreconditionFailed, match="read it again, or use another key"):
            client.put_if_absent(PutRequest(bucket=BUCKET, key="key", body=b"here"))


# --- bodies


def test_an_object_that_breaks_off_is_read_on(client: StoreClient, store_double: Service) -> None:
    body = bytes(range(256)) * 8000
    put(client, body=body)
    store_double.inject(truncated_body={"next": 2})
    assert get(client) == body
    assert store_double.counters()["by_kind"]["get"] == 3
    store_double.inject(truncated_body=1)
    with pytest.raises(errors.StorageUnavailable, match="the connection was cut [0-9,]+ bytes before the end"):
        get(client)


def test_an_object_that_breaks_off_and_was_changed_is_not_read_on(client: StoreClient, store_double: Service) -> None:
    put(client, body=bytes(2_000_000))
    store_double.inject(truncated_body={"next": 1})
    with contextlib.closing(client.get_object(GetRequest(bucket=BUCKET, key="key")).stream) as stream:
        put(client, body=b"new")
        with pytest.raises(errors.StorageUnavailable, match="it was changed meanwhile; read it again"):
            stream.read()


def test_a_stream_is_sent_once(client: StoreClient, store_double: Service) -> None:
    store_double.inject(slow_down={"next": 1})
    with pytest.raises(errors.StorageUnavailable):
        client.put_object(PutRequest(bucket=BUCKET, key="key", body=io.BytesIO(bytes(3_000_000))))
    store_double.inject(lost_answer={"next": 1})
    with pytest.raises(errors.StorageUnavailable, match="a body that is a stream is sent once, so put it again"):
        client.put_object(PutRequest(bucket=BUCKET, key="key", body=io.BytesIO(bytes(3_000_000))))
    store_double.inject(slow_down={"next": 1})
    client.put_object(PutRequest(bucket=BUCKET, key="short", body=io.BytesIO(b"a short one is bytes")))
    assert get(client, "short") == b"a short one is bytes"


@pytest.mark.parametrize("first", [0, 1_500_000])
def test_what_reading_a_body_raises_passes_through(client: StoreClient, store_double: Service, first: int) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            if not piece:
                raise BrokenPipeError("the file's own trouble")
            return piece

    with pytest.raises(BrokenPipeError, match="the file's own trouble"):
        client.put_object(PutRequest(bucket=BUCKET, key="key", body=Broken(bytes(first))))
    assert store_double.keys_in() == []


def test_a_body_of_text_is_refused(client: StoreClient) -> None:
    with pytest.raises(errors.StorageError, match=r"its read\(\) returned 'str' where bytes are needed"):
        client.put_object(PutRequest(bucket=BUCKET, key="key", body=io.StringIO("text")))  # type: ignore[arg-type]


# --- connections


def connections(service: Service) -> int:
    return int(service.counters()["connections"])


def test_a_connection_is_kept_and_a_stale_one_replaced(client: StoreClient, store_double: Service) -> None:
    put(client)
    before = connections(store_double)
    for _ in range(3):
        get(client)
    assert connections(store_double) == before + 1  # that of the question itself
    store_double.inject(truncated_body={"next": 1})  # the store closes the connection when it has answered
    client.head_object(ref("key"))
    before = connections(store_double)
    assert get(client) == b"here"
    assert connections(store_double) == before + 2
    assert store_double.counters()["by_kind"] == {"put": 1, "get": 4, "head": 1}


def test_a_thread_may_ask_while_it_reads(client: StoreClient) -> None:
    put(client, body=bytes(3_000_000))
    with contextlib.closing(client.get_object(GetRequest(bucket=BUCKET, key="key")).stream) as stream:
        client.put_object(PutRequest(bucket=BUCKET, key="copy", body=stream))
    assert get(client, "copy") == bytes(3_000_000)


def test_each_thread_has_a_connection_of_its_own(client: StoreClient, store_double: Service) -> None:
    put(client)
    before = connections(store_double)
    barrier, found = threading.Barrier(3), []

    def read() -> None:
        barrier.wait(DEADLINE_S)
        found.append(get(client) + get(client))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert found == [b"herehere"] * 3
    assert connections(store_double) == before + 4


@pytest.mark.needs("linux")
def test_a_process_that_was_forked_goes_on_with_its_own(store_double: Service) -> None:
    program = [sys.executable, "-W", "error", "-c", _FORKS, store_double.endpoint, store_double.ca_file]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- who asks


def test_the_token_comes_from_the_platform_where_none_is_given(
    store_double: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def client() -> StoreClient:
        return StoreClient(store_double.endpoint, store_double.ca_file)

    assert put(client())  # from the file that the fixture names
    monkeypatch.setenv("STORE_DOUBLE_TOKEN", "wrong")  # goes first
    with pytest.raises(errors.AccessDenied, match="not the service's"):
        put(client())
    monkeypatch.setenv("STORE_DOUBLE_TOKEN", store_double.token.get_secret_value())
    monkeypatch.setenv("STORE_DOUBLE_TOKEN_FILE", str(tmp_path / "none"))
    assert put(client())
    monkeypatch.delenv("STORE_DOUBLE_TOKEN")
    with pytest.raises(errors.AccessDenied, match="the token for the store cannot be read from .*none"):
        put(client())
    (tmp_path / "none").write_text("\n")
    with pytest.raises(errors.AccessDenied, match="holds no token for the store"):
        put(client())
    monkeypatch.delenv("STORE_DOUBLE_TOKEN_FILE")
    with pytest.raises(errors.AccessDenied, match="set `token` in section 'store_double', or where workers run"):
        put(client())


def test_a_worker_is_told_everything_but_the_token(store_double: Service) -> None:
    part = opened(store_double).worker_part()
    assert part.target == "lithops_testing.backends.store.client:StoreClient"
    assert part.arguments == {"endpoint": store_double.endpoint, "ca_file": store_double.ca_file}


def test_only_the_owner_reads_the_token_file(store_double: Service) -> None:
    assert Path(store_double.token_file).stat().st_mode & 0o077 == 0


# --- URLs


def test_a_presigned_url_works_without_the_token_for_its_method_and_time(store_double: Service) -> None:
    plugin = opened(store_double)
    key = "a/../b ?#%"
    write = plugin.presign(PresignRequest(bucket=BUCKET, key=key, method="PUT"))
    read = plugin.presign(PresignRequest(bucket=BUCKET, key=key))
    late = plugin.presign(PresignRequest(bucket=BUCKET, key=key, valid_s=-1))
    assert fetch(store_double, "PUT", write.url, b"here")[0] == 200
    assert fetch(store_double, "GET", read.url) == (200, b"here")
    assert fetch(store_double, "PUT", read.url)[0] == 403
    assert fetch(store_double, "GET", late.url)[0] == 403
    assert store_double.keys_in() == [key]
    assert store_double.token.get_secret_value() not in read.url
    assert read.url not in repr(read)


def fetch(service: Service, method: str, url: str, body: bytes = b"") -> tuple[int, bytes]:
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=service.ca_file)
    connection = http.client.HTTPSConnection(place.netloc, timeout=DEADLINE_S, context=context)
    with contextlib.closing(connection):
        connection.request(method, f"{place.path}?{place.query}", body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_only_getting_and_putting_are_signed(store_double: Service) -> None:
    with pytest.raises(errors.StorageError, match="cannot sign a URL for 'DELETE'"):
        opened(store_double).presign(PresignRequest(bucket=BUCKET, key="key", method="DELETE"))


# --- configuration


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"endpoint": "http://127.0.0.1:1"}, "should match pattern"),
        ({"token": ""}, "at least 1 item"),
        ({"storage_bucket": "b" * 64}, "at most 63 characters"),
        ({"ca_file": "/no/such"}, "there is no such file"),
        ({"colour": "blue"}, "Extra inputs are not permitted"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(section: dict[str, str], message: str) -> None:
    known = {"endpoint": "https://127.0.0.1:1", "storage_bucket": BUCKET}
    with pytest.raises(ValidationError, match=message):
        StoreDoubleConfig.model_validate({**known, **section})


def test_users_reach_it_by_its_name(store_double: Service) -> None:
    config = {"lithops": {"storage": "store_double"}, "store_double": store_double.config}
    storage = Storage(config=config)
    storage.put_object(storage.bucket, "key", "text")
    assert storage.get_object(storage.bucket, "key") == b"text"
    assert storage.list_keys(storage.bucket) == ["key"]
    assert store_double.token.get_secret_value() not in json.dumps(storage.__reduce__()[1])
