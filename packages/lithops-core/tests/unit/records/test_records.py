"""Records compare, hash, print and travel by their fields, and pass for dataclasses."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from typing import Any

import pytest

from lithops.records import field, names_of, record


@record
class Point:
    """A place."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@record
class Checked:
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(f"below 0: {self.value}")


@record
class Pair:
    left: int
    right: int = 2


def test_fields_have_their_values_and_defaults() -> None:
    assert (Point(x=1).x, Point(x=1).y, Point(x=1, y=2).sum, names_of(Point)) == (1, 0, 3, ("x", "y", "tags", "secret"))


def test_a_default_that_is_made_is_made_each_time() -> None:
    Point(x=1).tags.append("seen")
    assert Point(x=1).tags == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "missing 1 required keyword-only argument: 'x'"),
        ({"x": 1, "z": 2}, "unexpected keyword argument 'z'"),
    ],
)
def test_a_wrong_set_of_fields_is_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Point(**arguments)  # type: ignore[arg-type]  # that is the point


def test_positions_are_refused_and_other_attributes_too() -> None:
    made: Any = Point
    with pytest.raises(TypeError, match="positional"):
        made(1)
    with pytest.raises(AttributeError):
        made(x=1).other = 2


def test_equality_and_hash_go_by_the_fields() -> None:
    assert Pair(left=1) == Pair(left=1, right=2)
    assert hash(Pair(left=1)) == hash(Pair(left=1, right=2))
    assert Pair(left=1) != Pair(left=2)
    assert Pair(left=1) != (1, 2)


def test_what_is_not_to_be_shown_is_not_shown() -> None:
    assert repr(Point(x=1, secret="hush")) == "Point(x=1, y=0, tags=[])"


def test_values_are_checked_where_a_record_says_so() -> None:
    with pytest.raises(ValueError, match="below 0: -1"):
        Checked(value=-1)


def test_records_travel_in_pickles() -> None:
    assert pickle.loads(pickle.dumps(Pair(left=3))) == Pair(left=3)


def test_a_record_passes_for_a_dataclass() -> None:
    point = Point(x=1, secret="hush")
    assert dataclasses.is_dataclass(point)
    assert [entry.name for entry in dataclasses.fields(Point)] == ["x", "y", "tags", "secret"]
    assert dataclasses.replace(point, y=5) == Point(x=1, y=5, secret="hush")
    assert dataclasses.asdict(point) == {"x": 1, "y": 0, "tags": [], "secret": "hush"}


def test_the_copy_protocol_replaces_fields() -> None:
    made: Any = Pair(left=1)
    assert made.__replace__(right=7) == Pair(left=1, right=7)


def test_the_records_of_the_contract_need_no_dataclasses() -> None:
    code = "import sys, lithops.types; print('dataclasses' in sys.modules, 'inspect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
