"""Count the words of thousands of real text files, once in parallel and once plainly, and compare.

    python examples/word_count.py                         # the libraries of this interpreter, and more if they are few
    python examples/word_count.py ~/books --workers 4     # files of your own

Exits with 1 when the two counts differ.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import lithops

GROUP = 64  # files per call: enough work to make the way there and back not count
SUFFIXES = {".c", ".h", ".htm", ".html", ".md", ".pl", ".pm", ".py", ".pyi", ".rst", ".tcl", ".txt"}
LARGEST_BYTES = 4_000_000
WORD = re.compile(rb"[A-Za-z]+")

Counts = tuple[int, int, Counter[bytes]]
"""Files, bytes, and how often each word occurs."""


def count_words(paths: list[str]) -> Counts:
    """Count the words of some files, upper and lower case alike."""
    size = 0
    words: Counter[bytes] = Counter()
    for path in paths:
        text = Path(path).read_bytes()
        size += len(text)
        words.update(WORD.findall(text.lower()))
    return len(paths), size, words


def add_up(results: list[Counts]) -> Counts:
    """Add up the counts of all groups."""
    words: Counter[bytes] = Counter()
    for _, _, found in results:
        words.update(found)
    return sum(files for files, _, _ in results), sum(size for _, size, _ in results), words


def find_texts(folders: list[Path], wanted: int) -> list[str]:
    """Return up to `wanted` readable text files below `folders`, the first folders first; each file is read once,
    so that neither of the two counts has to wait for the disk."""
    found: dict[str, None] = {}
    for path in (path for folder in folders for path in _walk(folder)):
        if len(found) >= wanted:
            break
        try:
            real = os.path.realpath(path)
            if 0 < path.stat().st_size <= LARGEST_BYTES and real not in found:
                path.read_bytes()
                found[real] = None
        except OSError:
            continue  # somebody else's file
    return list(found)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place) / name for name in sorted(files) if Path(name).suffix in SUFFIXES)


def texts_of_this_machine() -> list[Path]:
    """Return the folders of this interpreter's libraries, then those where systems keep text."""
    own = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib", "include")]
    return [*own, *map(Path, ("/usr/lib/python3", "/usr/include", "/usr/share/doc", "/usr/share", "/usr/lib"))]


def main() -> int:
    """Find files, count them twice, print the figures."""
    parser = argparse.ArgumentParser(description="Count words in parallel and check against a plain count.")
    parser.add_argument("folders", nargs="*", type=Path, help="where to look (default: this interpreter's libraries)")
    parser.add_argument("--files", type=int, default=6000, help="how many files at most (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="worker processes (default: %(default)s)")
    options = parser.parse_args()

    paths = find_texts(options.folders or texts_of_this_machine(), options.files)
    if not paths:
        parser.error(f"no text files below {[str(folder) for folder in options.folders]!r}; name another folder")
    groups = [paths[first : first + GROUP] for first in range(0, len(paths), GROUP)]

    begin = time.perf_counter()
    expected = add_up([count_words(group) for group in groups])
    plain_s = time.perf_counter() - begin

    begin = time.perf_counter()
    with lithops.FunctionExecutor(worker_processes=options.workers) as fexec:
        fexec.map_reduce(count_words, groups, add_up)
        counted = fexec.get_result()
    parallel_s = time.perf_counter() - begin

    files, size, words = counted
    print(f"files      {files:,} in {len(groups):,} calls on {options.workers} workers")
    print(f"text       {size:,} bytes")
    print(f"words      {sum(words.values()):,}, {len(words):,} different")
    print(f"parallel   {parallel_s:.2f} s, with starting and stopping the workers")
    print(f"plain      {plain_s:.2f} s")
    print(f"speed-up   {plain_s / parallel_s:.2f}")
    print(f"top words  {', '.join(f'{word.decode()} {count:,}' for word, count in words.most_common(8))}")
    if counted != expected:
        differing = sum(1 for word in words.keys() | expected[2].keys() if words[word] != expected[2][word])
        print(
            f"the counts differ: {files:,} files, {size:,} bytes in parallel, {expected[0]:,} files, {expected[1]:,} "
            f"bytes plainly, {differing:,} words counted differently; did a file change meanwhile?",
            file=sys.stderr,
        )
        return 1
    print("check      equal to the plain count")
    return 0


if __name__ == "__main__":
    sys.exit(main())
