"""Bundles hold what workers need, are the same bytes each time, and refuse what cannot travel."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

from lithops.bundle.archive import zipped
from lithops.bundle.contents import collect
from lithops.bundle.folder import unpacked
from lithops.errors import PluginError


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that is on the path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def package(site: Path, name: str, **files: str) -> None:
    (site / name).mkdir()
    (site / name / "__init__.py").write_text("")
    for file, text in files.items():
        (site / name / file.replace("__", ".")).write_text(text)


def test_it_holds_the_core_and_what_that_needs_to_run_calls() -> None:
    names = set(collect().files)
    assert {"lithops/worker/loop.py", "lithops/remote/handler.py", "lithops/storage/local/client.py"} <= names
    assert "cloudpickle/cloudpickle.py" in names
    assert {name.partition("/")[0] for name in names} == {"lithops", "cloudpickle"}


def test_a_package_comes_with_all_its_files(site: Path) -> None:
    package(site, "travels", client__py="X = 1", data__json="{}")
    (site / "travels" / "deep").mkdir()
    (site / "travels" / "deep" / "er.py").write_text("Y = 2")
    (site / "travels" / "__pycache__").mkdir()
    (site / "travels" / "__pycache__" / "client.cpython-311.pyc").write_bytes(b"")
    names = {name for name in collect("travels").files if name.startswith("travels")}
    assert names == {"travels/__init__.py", "travels/client.py", "travels/data.json", "travels/deep/er.py"}


def test_the_archive_is_the_same_each_time_and_follows_its_contents(site: Path) -> None:
    package(site, "steady", client__py="X = 1")
    first = collect("steady")
    (site / "steady" / "client.py").touch()
    again = collect("steady")
    assert (first.digest, zipped(first)) == (again.digest, zipped(again))
    (site / "steady" / "client.py").write_text("X = 2")
    assert collect("steady").digest != first.digest


def test_everybody_may_read_what_is_unpacked(site: Path) -> None:
    package(site, "readable")
    with zipfile.ZipFile(io.BytesIO(zipped(collect("readable"), under="python"))) as archive:
        entries = archive.infolist()
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    assert all(entry.filename.startswith("python/") for entry in entries)


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    bundle = collect()
    folder = Path(unpacked(bundle, tmp_path))
    marker = folder / "marker"
    marker.touch()
    assert unpacked(bundle, tmp_path) == str(folder)
    assert marker.exists()
    assert (folder / "lithops" / "errors.py").read_bytes() == bundle.files["lithops/errors.py"]


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(PluginError, match="package 'nowhere_to_be_found' is to go to workers but cannot be found"):
        collect("nowhere_to_be_found")


def test_what_is_compiled_belongs_to_the_runtime(site: Path) -> None:
    from importlib.machinery import EXTENSION_SUFFIXES

    package(site, "compiled")
    (site / "compiled" / f"fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    with pytest.raises(
        PluginError, match=r"'compiled/fast\..*' is to go to workers and is compiled .* requirements of the"
    ):
        collect("compiled")


def test_a_single_module_is_refused(site: Path) -> None:
    (site / "lonely.py").write_text("X = 1")
    with pytest.raises(PluginError, match="'lonely' is to go to workers"):
        collect("lonely")
    assert sys.modules.pop("lonely", None) is not None
