"""The programs in docs/multiprocessing.md print what the page says, and its tables are complete."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import lithops.multiprocessing as mp
from lithops.config.redis_section import RedisSection
from lithops.multiprocessing import config

PAGE = next(
    page for folder in Path(__file__).resolve().parents if (page := folder / "docs" / "multiprocessing.md").exists()
).read_text(encoding="utf-8")

pytestmark = pytest.mark.parametrize("carrier", ["local"], indirect=True)


def test_programs_print_what_the_page_says(run_program: Callable[[str], tuple[int, str, str]]) -> None:
    blocks = re.findall(r"^```(python|text)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    code, out, err = run_program("\n".join(text for kind, text in blocks if kind == "python"))
    assert (code, out, err) == (0, "".join(text for kind, text in blocks if kind == "text"), "")


def test_every_parameter_is_told_of_with_its_default() -> None:
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| `(.*?)` \|", PAGE, flags=re.MULTILINE))
    assert told == {name: repr(value).replace("'", '"') for name, value in config._DEFAULTS.items()}


def test_every_name_that_makes_something_is_told_of() -> None:
    named = set(re.findall(r"`(?:\w+\.)?(\w+)", PAGE))
    assert {name for name in mp.__all__ if name[0].isupper() and not name.endswith(("Error", "TooShort"))} <= named


def test_example_of_the_section_is_valid() -> None:
    import yaml

    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    section = RedisSection(**yaml.safe_load(example)["redis"])
    assert {name for name in RedisSection.model_fields if f"`{name}`" not in PAGE} == set()
    assert "REDIS_PASSWORD" not in repr(section)
