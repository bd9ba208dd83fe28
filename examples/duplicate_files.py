"""Find files of equal content among the real files of this machine, while the folders are still being walked.

    python examples/duplicate_files.py                     # the libraries of this interpreter and what systems keep
    python examples/duplicate_files.py ~/photos --workers 4

Exits with 1 when a plain search finds something else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import lithops

GROUP = 32  # files per call: enough work to make the way there and back not count
LARGEST_BYTES = 20_000_000

Digest = tuple[int, bytes]
"""Size and SHA-256 of a file."""


def digests(paths: list[str]) -> list[tuple[Digest, str]]:
    """Return what tells the content of some files, those that cannot be read left out."""
    found = []
    for path in paths:
        try:
            content = Path(path).read_bytes()
        except OSError:
            continue  # somebody else's file, or gone meanwhile
        found.append(((len(content), hashlib.sha256(content).digest()), path))
    return found


def files_below(folders: list[Path], most: int) -> Iterator[str]:
    """Yield files as they are met, each once."""
    seen: set[str] = set()
    for folder in folders:
        for place, subfolders, names in os.walk(folder):
            subfolders.sort()
            for name in sorted(names):
                path = os.path.realpath(os.path.join(place, name))  # noqa: PTH118 - a Path for each costs more than all else
                if len(seen) < most and path not in seen and _is_wanted(path):
                    seen.add(path)
                    yield path


def _is_wanted(path: str) -> bool:
    try:
        return os.path.isfile(path) and 0 < os.path.getsize(path) <= LARGEST_BYTES  # noqa: PTH113, PTH202 - the same
    except OSError:
        return False


def groups_of(paths: Iterable[str]) -> Iterator[list[str]]:
    """Yield the paths, some at a time."""
    source = iter(paths)
    while group := list(islice(source, GROUP)):
        yield group


def duplicates(found: Iterable[tuple[Digest, str]]) -> dict[Digest, list[str]]:
    """Return the files of equal content."""
    by_content = defaultdict(list)
    for digest, path in found:
        by_content[digest].append(path)
    return {digest: sorted(paths) for digest, paths in by_content.items() if len(paths) > 1}


def folders_of_this_machine() -> list[Path]:
    """Return the folders of this interpreter's libraries, then one where systems keep texts."""
    return [*(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "include")), Path("/usr/share/doc")]


def main() -> int:
    """Search twice, print what was found, compare."""
    parser = argparse.ArgumentParser(description="Find files of equal content and check against a plain search.")
    parser.add_argument("folders", nargs="*", type=Path, help="where to look (default: this interpreter's libraries)")
    parser.add_argument("--files", type=int, default=5000, help="how many files at most (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="worker processes (default: %(default)s)")
    options = parser.parse_args()
    folders = options.folders or folders_of_this_machine()

    begin = time.perf_counter()
    first_s = 0.0
    found: list[tuple[Digest, str]] = []
    with lithops.FunctionExecutor(worker_processes=options.workers) as fexec:
        paths = groups_of(files_below(folders, options.files))
        for group in fexec.imap(digests, paths, ordered=False, buffer=64):
            first_s = first_s or time.perf_counter() - begin
            found += group
    parallel_s = time.perf_counter() - begin
    if not found:
        parser.error(f"no files below {[str(folder) for folder in folders]!r}; name another folder")
    twins = duplicates(found)

    begin = time.perf_counter()
    expected = duplicates(digests([path for _, path in found]))
    plain_s = time.perf_counter() - begin

    files = sum(len(paths) for paths in twins.values())
    wasted = sum(size * (len(paths) - 1) for (size, _), paths in twins.items())
    print(f"files      {len(found):,}, {sum(size for (size, _), _ in found):,} bytes, on {options.workers} workers")
    print(f"equal      {files:,} files of {len(twins):,} contents; {wasted:,} bytes are there more than once")
    print(f"first      after {first_s:.2f} s")
    print(f"parallel   {parallel_s:.2f} s, with walking the folders and starting the workers")
    print(f"plain      {plain_s:.2f} s, without walking, the files in memory")
    if twins != expected:
        print(f"the two differ in {len(twins.keys() ^ expected.keys())} contents; did a file change?", file=sys.stderr)
        return 1
    print("check      equal to the plain search")
    return 0


if __name__ == "__main__":
    sys.exit(main())
