"""Walk the keys of a bucket in byte order, one folder at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lithops.storage.local.layout import Kind, read_name, split

if TYPE_CHECKING:
    from collections.abc import Iterator


def walk(bucket_path: str, prefix: bytes, start_after: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield key and path of every object whose key begins with `prefix` and comes after `start_after`.

    Only the folders on the way are in memory, and only those that can hold a wanted key are read. Whatever disappears
    meanwhile is left out; links are never followed.
    """
    folders, partial = split(prefix)
    top = "/".join([bucket_path, *folders])
    # a stack rather than recursion: a key may have a thousand slashes
    stack = [(top, _entries(top, prefix[: len(prefix) - len(partial)], prefix))]
    while stack:
        path, entries = stack[-1]
        if not entries:
            stack.pop()
            continue
        key, name, is_folder = entries.pop()
        if not is_folder:
            if key > start_after:
                yield key, f"{path}/{name}"
        elif key > start_after or start_after.startswith(key):
            below = f"{path}/{name}"
            stack.append((below, _entries(below, key, prefix)))


def _entries(path: str, begins: bytes, prefix: bytes) -> list[tuple[bytes, str, bool]]:
    """Return what a folder holds, last first: the key or what its keys begin with, the file name, if it is a folder."""
    found: list[tuple[bytes, str, bool]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                read = read_name(entry.name)
                if read is None:
                    continue
                kind, raw = read
                is_folder = kind is not Kind.OBJECT
                key = begins + raw + (b"/" if kind is Kind.FOLDER else b"")
                matches = entry.is_dir(follow_symlinks=False) if is_folder else entry.is_file(follow_symlinks=False)
                if matches and key.startswith(prefix):
                    found.append((key, entry.name, is_folder))
    except FileNotFoundError:
        return []
    found.sort(reverse=True)
    return found
