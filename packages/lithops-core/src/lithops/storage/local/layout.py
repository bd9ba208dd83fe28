"""Where an object lies: keys to paths and back.

A key is cut at its slashes; every name but the last becomes a folder. So that any key makes a safe path, and no two
keys the same one:

- bytes other than `a-z 0-9 . _ -` are written `%xx`, and so is a dot at either end of a name. Nothing climbs out, and
  a file system that ignores case or composes accents keeps apart what differs;
- a folder ends in `%`, so that object `a` and the folder of `a/b` lie side by side;
- a name of 80 bytes or more goes on in a folder `<its first 80 bytes>%+`, since file names end at 255 bytes;
- an empty last name (key `a/`) is the file `%-`.

Names are cut by their raw bytes, so every folder holds exactly the keys that begin with its own, and a walk that sorts
one folder at a time meets keys in byte order. Entries that begin with a dot are the store's own.
"""

from __future__ import annotations

import enum

from lithops.errors import StorageError

KEY_BYTES = 1024
"""The longest key, as in the large object stores."""
BUCKET_BYTES = 63
NAME_BYTES = 80
"""Written `%xx` throughout and with its ending, a name this long is still a legal file name."""

_FOLDER, _GOES_ON, _EMPTY = "%", "%+", "%-"
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._-")
_WRITTEN = tuple(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in range(256))


class Kind(enum.Enum):
    """What a file name stands for."""

    OBJECT = "object"
    FOLDER = "folder"
    GOES_ON = "goes on"


def key_bytes(key: str) -> bytes:
    """Return the UTF-8 of a key; `StorageError` if no object can have it."""
    raw = _utf8("key", key)
    if not 1 <= len(raw) <= KEY_BYTES:
        raise StorageError(f"the key {_short(key)} has {len(raw)} bytes; a key has 1 to {KEY_BYTES} bytes of UTF-8")
    return raw


def prefix_bytes(prefix: str) -> bytes:
    """Return the UTF-8 of the beginning of a key, which may be empty."""
    return _utf8("key", prefix)


def bucket_folder(bucket: str) -> str:
    """Return the name of a bucket's folder; `StorageError` if no bucket can have that name."""
    raw = _utf8("bucket name", bucket)
    if not 1 <= len(raw) <= BUCKET_BYTES:
        raise StorageError(
            f"the bucket name {_short(bucket)} has {len(raw)} bytes; it has 1 to {BUCKET_BYTES} bytes of UTF-8"
        )
    return _write(raw)


def split(key: bytes) -> tuple[list[str], bytes]:
    """Return the folders on the way to a key and its last name, still raw. A prefix of keys is split like a key."""
    folders: list[str] = []
    *outer, last = key.split(b"/")
    for name in outer:
        folders.append(_write(_cut(name, folders)) + _FOLDER)
    return folders, _cut(last, folders)


def file_name(last: bytes) -> str:
    """Return the file name of an object from the last name of its key."""
    return _write(last) if last else _EMPTY


def read_name(name: str) -> tuple[Kind, bytes] | None:
    """Return what a file name stands for and the part of the key it holds; None if the store did not write it."""
    if name.startswith("."):
        return None
    if name == _EMPTY:
        return Kind.OBJECT, b""
    kind = Kind.OBJECT
    if name.endswith(_GOES_ON):
        name, kind = name[:-2], Kind.GOES_ON
    elif name.endswith(_FOLDER):
        name, kind = name[:-1], Kind.FOLDER
    first, *rest = name.split("%")
    try:
        raw = first.encode("ascii") + b"".join(bytes.fromhex(part[:2]) + part[2:].encode("ascii") for part in rest)
    except ValueError:
        return None
    return (kind, raw) if _write(raw) == name else None


def _cut(name: bytes, folders: list[str]) -> bytes:
    while len(name) >= NAME_BYTES:
        folders.append(_write(name[:NAME_BYTES]) + _GOES_ON)
        name = name[NAME_BYTES:]
    return name


def _write(name: bytes) -> str:
    text = "".join([_WRITTEN[byte] for byte in name])
    if text[:1] == ".":
        text = "%2e" + text[1:]
    if text[-1:] == ".":
        text = text[:-1] + "%2e"
    return text


def _utf8(what: str, text: str) -> bytes:
    if not isinstance(text, str):
        raise StorageError(f"a {what} is a str, not {text!r}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise StorageError(f"the {what} {_short(text)} cannot be written as UTF-8: {error.reason}") from error


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
