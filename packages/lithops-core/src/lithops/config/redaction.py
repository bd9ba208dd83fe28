"""Keep secrets out of what is printed, logged or written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, overload

from lithops.config.names import slip_of

MASK = "***"

_WORDS = (
    r"(?:pass(?:word|wd|phrase)|secret|token|credentials?|authorization|connection_?string"
    r"|(?:api|access|account|private|auth|shared)_?key)"
)
_NAME = re.compile(_WORDS, re.IGNORECASE)
_OFTEN_MISSPELT = ("password", "passphrase", "secret", "token", "credentials", "api_key", "access_key", "private_key")
_NOT_SECRET = re.compile(r"(?:path|file|filename|name|url|endpoint|timeout|interval)$", re.IGNORECASE)

_KEY_BLOCK = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_USER_IN_URL = re.compile(r"(?<=://)[^\s/@'\"]+@")
_BEARER = re.compile(r"(\bbearer\s+|\bauthorization['\"]?\s*[:=]\s*['\"]?basic\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    r"(?P<quote>['\"]?)(?P<name>\b[\w.-]*" + _WORDS + r"[\w.-]*)(?P=quote)(?P<sign>\s*[:=]\s*)"
    r"(?P<value>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\s,;&{}\[\]()'\"]+)",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Tell whether a key of this name, or of this slip of the pen, holds what must not be seen."""
    if _NOT_SECRET.search(name):
        return False
    return _NAME.search(name) is not None or any(
        slip_of(part, _OFTEN_MISSPELT) for part in (name, *re.split(r"[-_.]", name))
    )


@overload
def redact(value: str) -> str: ...
@overload
def redact(value: Mapping[str, Any]) -> dict[str, Any]: ...
def redact(value: str | Mapping[str, Any]) -> str | dict[str, Any]:
    """Return a copy of a text or of a nested mapping in which secrets are masked.

    In a mapping these are pydantic secrets, values under names such as `password` or `secret_access_key`, and
    passwords inside URLs; in a text `name: value` and `name=value` with such names, bearer tokens, URLs and PEM keys.
    """
    if isinstance(value, str):
        return _redact_text(value)
    return {key: _redact_entry(key, entry) for key, entry in value.items()}


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of a nested mapping in which what `redact` masks is a pydantic secret that holds it."""
    return {key: _seal(str(key), value) for key, value in values.items()}


def _seal(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):  # all of it is secret if its own name is one
        return {inner: _seal(key if is_secret_name(key) else str(inner), entry) for inner, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_seal(key, entry) for entry in value)
    if hasattr(value, "get_secret_value") or _redact_entry(key, value) == value:
        return deepcopy(value)
    from pydantic import SecretStr

    return SecretStr(str(value))


def _redact_entry(key: object, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if hasattr(value, "get_secret_value") or (isinstance(key, str) and is_secret_name(key)):
        return MASK
    if isinstance(value, Mapping):
        return redact(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_redact_entry(key, entry) for entry in value)
    return _redact_text(value) if isinstance(value, str) else value


def _redact_text(text: str) -> str:
    text = _KEY_BLOCK.sub(rf"\1{MASK}\2", text)
    text = _USER_IN_URL.sub(f"{MASK}@", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    return _ASSIGNMENT.sub(_mask_assignment, text)


def _mask_assignment(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    if not is_secret_name(name) or value.lower() in {"bearer", "basic", "none", "null", "true", "false"}:
        return match[0]
    quote = value[0] if value[0] in "'\"" else ""
    return f"{match['quote']}{name}{match['quote']}{match['sign']}{quote}{MASK}{quote}"
