"""The object store behaves like one, well and badly."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from lithops.types import HttpRequest, HttpResponse
from lithops_testing import StoreDouble
from lithops_testing.objects.counters import Counters
from lithops_testing.sending import send

DEADLINE_S = 30


class Raw:
    """Asks the store as plainly as can be."""

    def __init__(self, service: StoreDouble) -> None:
        self.service = service

    def __call__(self, method: str, path: str, body: bytes = b"", **headers: str) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        token = {"Authorization": f"Bearer {self.service.token.get_secret_value()}"}
        url = f"{self.service.endpoint}{path}"
        request = HttpRequest(
            url=url, method=method, body=body, headers={**token, **named}, ca_file=self.service.ca_file
        )
        return send(request)

    def put(self, key: str, body: bytes = b"0123456789", **headers: str) -> HttpResponse:
        return self("PUT", at(key), body, **headers)

    def get(self, key: str, **headers: str) -> HttpResponse:
        return self("GET", at(key), **headers)

    def listed(self, query: str = "") -> list[str]:
        return [told["key"] for told in said(self("GET", f"/buckets/lithops/objects?{query}"))["objects"]]


@pytest.fixture
def raw(store_double: StoreDouble) -> Raw:
    return Raw(store_double)


def at(key: str) -> str:
    return f"/buckets/lithops/objects/{quote(key, safe='')}"


def said(answer: HttpResponse) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(answer.body)
    return value


# --- what it answers


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("PUT", "/buckets/lithops/objects/", b"", "the key has 0 bytes; a key has 1 to 1024 bytes of UTF-8"),
        ("PUT", f"/buckets/lithops/objects/{'k' * 1025}", b"", "the key has 1025 bytes"),
        ("PUT", "/buckets/lithops/objects/%ff", b"", "the key b'\\xff' is no UTF-8"),
        ("PUT", f"/buckets/{'b' * 64}", b"", "the bucket name has 64 bytes; a bucket name has 1 to 63 bytes of UTF-8"),
        ("GET", "/buckets/lithops/objects?max-keys=1001", b"", "`max-keys` is 1 to 1000, found '1001'"),
        ("POST", "/buckets/lithops/deletions", b"[]", "the body must be a JSON object, found list"),
        ("POST", "/buckets/lithops/deletions", b'{"keys": [1]}', "`keys` must be a list of at most 1000 texts"),
    ],
)
def test_what_makes_no_sense_is_refused(raw: Raw, method: str, path: str, body: bytes, message: str) -> None:
    answer = raw(method, path, body)
    assert answer.status == 400
    assert said(answer)["message"].startswith(message)


@pytest.mark.parametrize("source", ["nonsense", "/buckets/lithops/objects/no"])
def test_a_copy_of_nothing_is_refused(raw: Raw, source: str) -> None:
    assert raw.put("copy", X_Copy_Source=source).status in (400, 404)
    assert raw.service.keys_in() == []


def test_there_is_nothing_elsewhere(raw: Raw) -> None:
    assert said(raw("GET", "/else"))["message"] == "there is nothing at GET /else"
    assert said(raw("GET", "/admin/else"))["message"] == "there is nothing at GET /admin/else"


def test_without_the_right_token_nothing_is_done(raw: Raw) -> None:
    assert raw.put("key", Authorization="Bearer wrong").status == 403
    assert raw.put("key", Authorization="Basic wrong").status == 401
    assert raw.service.keys_in() == []


def test_ranges_are_answered_as_http_has_them(raw: Raw) -> None:
    raw.put("key")
    part, beyond, bad = (raw.get("key", Range=f"bytes={span}") for span in ("2-4", "10-", "x"))
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */10")
    assert (bad.status, "cannot read the range" in said(bad)["message"]) == (400, True)


def test_head_tells_the_size_without_the_body(raw: Raw) -> None:
    etag = raw.put("key", X_Metadata="colour=blue").headers["etag"]
    head = raw("HEAD", at("key"))
    told = (head.status, head.body, head.headers["content-length"], head.headers["etag"], head.headers["x-metadata"])
    assert told == (200, b"", "10", etag, "colour=blue")
    assert raw("HEAD", at("no")).headers["x-error"] == "no_object"


def test_a_failed_condition_tells_whose_write_is_there(raw: Raw) -> None:
    etag = raw.put("key", If_None_Match="*", X_Write_Id="mine").headers["etag"]
    assert etag.endswith('-mine"')
    late = raw.put("key", If_None_Match="*", X_Write_Id="yours")
    assert (late.status, late.headers["etag"]) == (412, etag)
    assert raw.put("key", If_Match='"other"').status == 412
    assert raw.put("key", If_Match=etag).status == 200


def test_pages_follow_each_other(raw: Raw) -> None:
    for key in ("a", "a/b", "b", "\u00e9", "\U0001f600"):
        raw.put(key)
    first = said(raw("GET", "/buckets/lithops/objects?max-keys=2"))
    assert ([told["key"] for told in first["objects"]], first["truncated"]) == (["a", "a/b"], True)
    assert raw.listed("start-after=a/b") == ["b", "\u00e9", "\U0001f600"]
    assert raw.listed("prefix=a&start-after=a") == ["a/b"]


def test_a_large_object_goes_out_as_the_client_takes_it(raw: Raw) -> None:
    body = bytes(range(256)) * 100_000
    raw.put("big", body)
    first, second = raw.get("big"), raw.get("big")
    assert first.body == second.body == body


# --- settings


def test_latency_is_added_to_each_request(raw: Raw) -> None:
    raw.service.configure(latency_s=0.3)
    began = time.monotonic()
    assert raw.put("key").status == 200
    assert time.monotonic() - began >= 0.3


def test_a_new_object_is_hidden_for_a_while_but_not_from_conditions(raw: Raw) -> None:
    raw.service.configure(visible_after_s=600)
    raw.put("key")
    assert (raw.get("key").status, raw.listed(), raw.service.keys_in()) == (404, [], ["key"])
    assert raw.put("key", If_None_Match="*").status == 412


def test_a_hidden_object_shows_in_the_end_and_a_new_version_at_once(raw: Raw) -> None:
    raw.service.configure(visible_after_s=0.2)
    raw.put("key", b"old")
    deadline = time.monotonic() + DEADLINE_S
    while raw.get("key").status == 404:
        assert time.monotonic() < deadline
    assert raw.listed() == ["key"]
    raw.put("key", b"new")
    assert raw.get("key").body == b"new"


def test_what_is_too_large_is_refused_with_sizes(raw: Raw) -> None:
    raw.service.configure(object_bytes=5 << 20)
    answer = raw.put("key", bytes((5 << 20) + 1))
    assert (answer.status, said(answer)["message"]) == (
        413,
        "the object has 5,242,881 bytes, and 5,242,880 are the most",
    )
    assert raw.put("key", bytes(5 << 20)).status == 200


def test_settings_hold_from_the_start() -> None:
    with StoreDouble(object_bytes=10) as store:
        assert Raw(store).put("key", bytes(11)).status == 413


# --- faults


@pytest.mark.parametrize(("fault", "status"), [("slow_down", 503), ("error_500", 500), ("denied", 403)])
def test_a_fault_in_place_of_the_work_meets_the_next_request_only(raw: Raw, fault: str, status: int) -> None:
    raw.service.inject(**{fault: {"next": 1}})
    assert raw.put("key").status == status
    assert raw.service.keys_in() == []
    assert raw.put("key").status == 200
    assert raw.service.counters()["faults"] == {fault: 1}


def test_a_lost_answer_was_worked_for(raw: Raw) -> None:
    raw.service.inject(lost_answer={"next": 1})
    with pytest.raises((http.client.HTTPException, OSError)):
        raw.put("key")
    assert raw.service.keys_in() == ["key"]


def test_a_truncated_body_is_shorter_than_it_says(raw: Raw) -> None:
    raw.put("key")
    raw.service.inject(truncated_body={"next": 1})
    with pytest.raises((http.client.IncompleteRead, OSError)):
        raw.get("key")


def test_latency_as_a_fault_takes_its_time(raw: Raw) -> None:
    raw.service.inject(latency={"next": 1, "seconds": 0.3})
    began = time.monotonic()
    assert raw.put("key").status == 200
    assert time.monotonic() - began >= 0.3


def test_an_outage_refuses_connections_and_keeps_the_objects(raw: Raw) -> None:
    raw.put("key")
    raw.service.outage(0.5)
    with pytest.raises(ConnectionRefusedError):
        raw.get("key")
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            assert raw.get("key").body == b"0123456789"
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline


# --- counters


def test_requests_are_counted_by_kind_and_bytes_by_direction(raw: Raw) -> None:
    etag = raw.put("key").headers["etag"]
    raw.put("once", If_None_Match="*")
    raw.put("key", If_Match=etag)
    raw.put("copy", b"", X_Copy_Source=at("key"))
    counted = raw.service.counters()
    assert counted["request_bytes"] == 30
    before = counted["response_bytes"]
    raw.get("key")
    raw("HEAD", at("key"))
    assert raw.service.counters()["response_bytes"] == before + 10
    raw.listed()
    raw("POST", "/buckets/lithops/deletions", b'{"keys": ["key"]}')
    raw("PUT", "/buckets/other")
    raw("HEAD", "/buckets/other")
    raw.get("no")
    counted = raw.service.counters()
    kinds = ("put", "put_if_absent", "put_if_match", "copy", "head", "list", "delete", "create_bucket", "head_bucket")
    assert counted["by_kind"] == {**dict.fromkeys(kinds, 1), "get": 2}
    assert counted["requests"] == 11
    assert counted["by_status"] == {"200": 10, "404": 1}
    assert vars(Counters()).keys() <= counted.keys()


def test_a_reset_forgets_everything(raw: Raw) -> None:
    raw.put("key")
    raw("PUT", "/buckets/other")
    raw.service.configure(object_bytes=1)
    raw.service.inject(denied=1)
    raw.service.reset()
    assert raw.service.keys_in() == []
    assert raw.service.counters()["requests"] == 0
    assert raw.put("key").status == 200
    assert raw("HEAD", "/buckets/other").status == 404


# --- permission without a token


@pytest.fixture
def signed(raw: Raw) -> Iterator[http.client.HTTPSConnection]:
    """Return a connection of somebody without a token."""
    place = raw.service.endpoint.removeprefix("https://")
    context = ssl.create_default_context(cafile=raw.service.ca_file)
    connection = http.client.HTTPSConnection(place, timeout=DEADLINE_S, context=context)
    yield connection
    connection.close()


@pytest.mark.parametrize("query", ["expires=9999999999&signature=0", "expires=never&signature=0", "signature=0"])
def test_a_forged_signature_permits_nothing(raw: Raw, signed: http.client.HTTPSConnection, query: str) -> None:
    raw.put("key")
    signed.request("GET", f"{at('key')}?{query}")
    answer = signed.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (403, "denied")
