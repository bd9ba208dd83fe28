"""Places take a few bytes for each call and say the same as the places they were made of."""

from __future__ import annotations

import pytest

from lithops.jobs.places import Places
from lithops.remote.payloads import Place, fingerprint


def place(key: str, start: int, *sizes: int) -> Place:
    return Place(key=key, start=start, sizes=sizes, digest=fingerprint((f"{key} {start}".encode(),)))


def test_they_say_what_was_put_in() -> None:
    first = [place("a", 0, 10), place("a", 10, 0), place("a", 10, 7)]
    second = [place("b", 0, 3), place("b", 3, 4)]
    arrays = [place("c", 0, 5, 100), place("c", 105, 6)]
    places = Places()
    places.extend(0, first)
    places.extend(3, second)
    places.extend(10, arrays)
    assert [places[call] for call in (0, 1, 2, 3, 4, 10, 11)] == [*first, *second, *arrays]
    assert sorted(places) == [0, 1, 2, 3, 4, 10, 11]
    assert len(places) == 7


@pytest.mark.parametrize("call", [2, 5, 9])
def test_a_call_that_lies_nowhere_is_not_there(call: int) -> None:
    places = Places()
    places.extend(3, [place("b", 0, 3), place("b", 3, 4)])
    assert call not in places
    assert places.get(call) is None
    places[call] = place("c", 0, 1)
    assert places[call].key == "c"
