"""Tests of configuration: redaction."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from lithops.config import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password: hunter2", "password: ***"),
        ("{'secret_access_key': 'hunter2', 'region': 'x'}", "{'secret_access_key': '***', 'region': 'x'}"),
        ('{"api_key": "hun\\"ter2"}', '{"api_key": "***"}'),
        ("AUTH_TOKEN=hunter2 next", "AUTH_TOKEN=*** next"),
        ("amqp://me:hunter2@host:5672/x", "amqp://***@host:5672/x"),
        ("Authorization: Bearer aaaa.bbbb-cccc", "Authorization: Bearer ***"),
        ("Authorization: Basic aHVudGVyMg==", "Authorization: Basic ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nab\ncd\n-----END RSA PRIVATE KEY-----", None),
    ],
)
def test_secrets_in_a_text_are_masked(text: str, expected: str | None) -> None:
    masked = redact(text)

    assert masked == (expected or "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----")


@pytest.mark.parametrize(
    "text",
    [
        "the token ring has 3 stations",
        "credentials_path: /home/me/key.json",
        "ssh_key_filename=~/.ssh/id_rsa",
        "token_url: https://example.org/token",
        "basic principles of anything",
        "password: null",
        "https://example.org/a@b",
        "",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_secrets_in_a_mapping_are_masked_at_any_depth_in_a_copy() -> None:
    given = {
        "password": "hunter2",
        "pin": SecretStr("hunter2"),
        "list": [{"token": "hunter2", "size": 1}, "x://me:hunter2@h"],
        "credentials": {"anything": "hunter2"},
        "keys": {"api_key": None, "secret": False},
    }

    assert redact(given) == {
        "password": "***",
        "pin": "***",
        "list": [{"token": "***", "size": 1}, "x://***@h"],
        "credentials": "***",
        "keys": {"api_key": None, "secret": False},
    }
    assert given["password"] == "hunter2"
