"""Anonymous shared memory."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import psutil
import pytest

from lithops.pool import shared


def test_parts_stand_one_behind_the_other_at_aligned_places() -> None:
    area = shared.attach(shared.create([b"a", b"b" * 65, b"c"]), writable=False)
    assert area.nbytes == 64 + 128 + 64
    assert (area[0], bytes(area[64:129]), area[192]) == (ord("a"), b"b" * 65, ord("c"))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128])
def test_sizes_are_rounded_up_to_the_alignment(size: int) -> None:
    assert shared.padded(size) % shared.ALIGNMENT == 0
    assert 0 <= shared.padded(size) - size < shared.ALIGNMENT


def test_the_means_without_memfd_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    area = shared.attach(shared.create([b"a" * 100, b"b"]), writable=True)
    assert (bytes(area[:100]), area[128]) == (b"a" * 100, ord("b"))
    assert (set(os.listdir("/dev/shm")) if before else set()) <= before  # it has no name any more


def test_without_any_means_creating_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "_posixshmem", None)
    assert not shared.available()
    with pytest.raises(OSError, match="^anonymous shared memory is not available on this platform$"):
        shared.create([b"x"])


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """Let this process have a few descriptors more than it has."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2 * psutil.Process().num_fds() + 60
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, limits[1]))
    yield most
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("writable", [True, False])
def test_more_objects_than_descriptors_can_be_held(few_descriptors: int, writable: bool) -> None:
    areas = [
        shared.attach(shared.create([bytes([k % 256]) * 100]), writable=writable) for k in range(few_descriptors + 50)
    ]
    assert [area[99] for area in areas] == [k % 256 for k in range(few_descriptors + 50)]
    assert {area.readonly for area in areas} == {not writable}
    assert psutil.Process().num_fds() < few_descriptors


def test_failing_to_create_closes_what_was_opened() -> None:
    before = psutil.Process().num_fds()
    with pytest.raises(TypeError):
        shared.create([b"fine", 3])  # type: ignore[list-item]
    assert psutil.Process().num_fds() == before
