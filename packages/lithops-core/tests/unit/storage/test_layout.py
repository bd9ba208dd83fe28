"""Keys and paths of the local store."""

from __future__ import annotations

import re

import pytest

from lithops.errors import StorageError
from lithops.storage.local.layout import Kind, bucket_folder, file_name, key_bytes, read_name, split

KEYS = [
    "a",
    "A",
    "a/",
    "/a",
    "a//b",
    ".",
    "..",
    "../..",
    "a/../b",
    "%2e",
    "a%",
    "x\0y",
    "\u00e9",
    "e\u0301",
    "k" * 79,
    "k" * 80,
    "k" * 81,
    "k" * 80 + "/x",
    "k" * 1024,
    "/" * 1024,
    "\u00e9" * 512,
    "." * 160,
]


def path_of(key: str) -> str:
    folders, last = split(key_bytes(key))
    return "/".join([*folders, file_name(last)])


def test_every_key_has_a_path_of_its_own() -> None:
    assert len({path_of(key) for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_a_path_stays_inside_and_fits_any_file_system(key: str) -> None:
    names = path_of(key).split("/")
    assert all(re.fullmatch(r"[a-z0-9._%+-]+", name) and len(name) <= 255 for name in names)
    assert not any(name.startswith(".") or name.endswith(".") for name in names)
    assert len("/".join(names)) < 3500


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_a_path_reads_back_as_its_key(key: str) -> None:
    raw = b""
    for name in path_of(key).split("/"):
        read = read_name(name)
        assert read is not None
        raw += read[1] + (b"/" if read[0] is Kind.FOLDER else b"")
    assert raw.decode() == key


@pytest.mark.parametrize("name", [".locks", "README", "%zz", "%4D", "caf\u00e9", "a%4", "a.", "%61"])
def test_a_name_the_store_did_not_write_is_ignored(name: str) -> None:
    assert read_name(name) is None


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(StorageError, match=r"^the key '' has 0 bytes; a key has 1 to 1024 bytes of UTF-8$"):
        key_bytes("")


def test_a_long_key_is_refused_and_shortened_in_the_message() -> None:
    with pytest.raises(StorageError, match=rf"^the key '{'x' * 60}'\.\.\. has 1025 bytes; a key has 1 to 1024"):
        key_bytes("x" * 1025)


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(StorageError, match=r"^the key 'a\\udc80' cannot be written as UTF-8: surrogates not allowed$"):
        key_bytes("a\udc80")


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(StorageError, match=r"^a key is a str, not b'raw'$"):
        key_bytes(b"raw")  # type: ignore[arg-type]


@pytest.mark.parametrize("bucket", ["", "b" * 64])
def test_a_bucket_name_of_the_wrong_length_is_refused(bucket: str) -> None:
    with pytest.raises(StorageError, match=rf"has {len(bucket)} bytes; it has 1 to 63 bytes of UTF-8$"):
        bucket_folder(bucket)


@pytest.mark.parametrize("bucket", ["..", ".", "/etc", "../x", ".locks", ".incoming"])
def test_a_bucket_name_stays_inside_and_off_the_stores_own_folders(bucket: str) -> None:
    assert re.fullmatch(r"[^./][^/]*", bucket_folder(bucket))
