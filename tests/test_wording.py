"""No file names the places and people of its making, and none is left half done."""

from __future__ import annotations

import re
from pathlib import Path

# Spelt in pieces, so that this file does not find itself.
PLACES = [
    r"(?<![\w.])/wo" + r"rk/",
    r"/tmp/(too" + r"ls|scra" + r"tch|bri" + r"ef)\b",
    r"/ro" + r"ot/",
    r"\.pyenv/ver" + r"sions/\d",
]
MAKERS = [r"\bcla" + r"ude\b", r"\banth" + r"ropic\b", r"\bchat" + r"gpt\b", r"\bco" + r"pilot\b", r"\bC" + r"EO\b"]
HALF_DONE = [r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bXX" + r"X\b", r"\bpragma: no co" + r"ver\b"]


def _hits(texts: dict[Path, str], patterns: list[str], flags: int = 0) -> list[str]:
    wanted = re.compile("|".join(patterns), flags)
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if wanted.search(line)
    ]


def test_no_file_names_a_path_of_one_machine(texts: dict[Path, str]) -> None:
    assert not (hits := _hits(texts, PLACES)), "\n".join(hits)


def test_no_file_names_who_or_what_wrote_it(texts: dict[Path, str]) -> None:
    assert not (hits := _hits(texts, MAKERS, re.IGNORECASE)), "\n".join(hits)


def test_nothing_is_left_half_done(texts: dict[Path, str]) -> None:
    assert not (hits := _hits(texts, HALF_DONE)), "\n".join(hits)
