"""Where the inputs of a job lie that are not kept in memory: a few bytes for each call."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from lithops.remote.payloads import DIGEST_BYTES, Place

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Object:
    """The inputs of calls `first` and following, one behind the other in one object."""

    __slots__ = ("digests", "ends", "first", "key")

    def __init__(self, first: int, places: Sequence[Place]) -> None:
        self.first = first
        self.key = places[0].key
        self.ends = array("Q", (place.start + place.nbytes for place in places))
        self.digests = b"".join(bytes.fromhex(place.digest) for place in places)

    def __getitem__(self, call: int) -> Place:
        row = call - self.first
        start = self.ends[row - 1] if row else 0
        digest = self.digests[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]
        return Place(key=self.key, start=start, sizes=(self.ends[row] - start,), digest=digest.hex())


class Places(MutableMapping[int, Place]):
    """Places by call."""

    def __init__(self) -> None:
        self._single: dict[int, Place] = {}
        self._objects: list[_Object] = []
        self._firsts: list[int] = []

    def extend(self, first: int, places: Sequence[Place]) -> None:
        """Add the places of calls `first` and following, all in one object; calls come in their order."""
        if all(len(place.sizes) == 1 for place in places):
            self._objects.append(_Object(first, places))
            self._firsts.append(first)
        else:  # arrays: few and large
            self._single.update(enumerate(places, first))

    def __getitem__(self, call: int) -> Place:
        if call in self._single:
            return self._single[call]
        at = bisect_right(self._firsts, call) - 1
        if at < 0 or call - self._firsts[at] >= len(self._objects[at].ends):
            raise KeyError(call)
        return self._objects[at][call]

    def __setitem__(self, call: int, place: Place) -> None:
        self._single[call] = place

    def __delitem__(self, call: int) -> None:
        del self._single[call]

    def __iter__(self) -> Iterator[int]:
        yield from self._single
        for several in self._objects:
            yield from range(several.first, several.first + len(several.ends))

    def __len__(self) -> int:
        return len(self._single) + sum(len(several.ends) for several in self._objects)
