"""What docs/functions.md quotes is what happens."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import BadCallError
from lithops.jobs.binding import Binder
from lithops.jobs.capture import serialize

PAGE = next(
    (page for folder in Path(__file__).parents if (page := folder / "docs" / "functions.md").is_file()), Path("missing")
)


@pytest.fixture
def names() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, names)
    return names


@pytest.fixture
def quoted() -> list[str]:
    return [block.strip() for block in re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)]


def test_items_named_on_the_page_fit(names: dict[str, Any]) -> None:
    Binder(names["area"]).check_all([3, 4])
    Binder(names["area"]).check_all([(3, 4), (5, 6)])
    Binder(names["area"]).check_all([{"width": 3, "height": 4}])
    binder = Binder(names["numbered"])
    binder.check_all(["a", "b"])
    assert binder.placement == (("id", 0),)


def test_quoted_messages_are_those_that_are_raised(names: dict[str, Any], quoted: list[str]) -> None:
    messages = []
    for items in ([3, (1, 2, 3)], [{"widht": 3}]):
        with pytest.raises(BadCallError) as caught:
            Binder(names["area"]).check_all(items)
        messages.append(str(caught.value))
    with pytest.raises(BadCallError) as caught:
        serialize(names["double"], names["double"])
    assert type(threading.Lock()).__name__ == "lock"
    messages.append(str(caught.value))
    assert messages == quoted
