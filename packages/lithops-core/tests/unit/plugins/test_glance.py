"""The glance over sys.path must say no only where importlib.metadata would find nothing but the core."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.machinery import PathFinder
from importlib.metadata import MetadataPathFinder, entry_points
from pathlib import Path

import pytest

from lithops._version import __version__
from lithops.errors import PluginError
from lithops.plugins.discovery import BUILT_IN, _foreign_plugins, find, installed
from lithops.plugins.glance import foreign_plugins_possible

ROOT = Path(__file__).parents[3]
POINTS = "[console_scripts]\nx = x:main\n\n[lithops.storage]\nx = x.plugin:X\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `tmp_path` all that sys.path has beside the standard library."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    # importlib_metadata, which other tests may have imported, takes this method away.
    monkeypatch.setattr(PathFinder, "find_distributions", MetadataPathFinder.find_distributions, raising=False)
    return tmp_path


def metadata(folder: Path, name: str, text: str | None = POINTS) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "METADATA").write_text("Metadata-Version: 2.1\nName: x\nVersion: 1\n")
    (folder / name / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: x\nVersion: 1\n")
    if text is not None:
        (folder / name / "entry_points.txt").write_text(text)


@pytest.mark.parametrize("name", ["x-1.dist-info", "x.egg-info", "X-1.DIST-INFO", "lithops-core-2.dist-info"])
def test_metadata_with_a_group_of_ours_is_seen(path: Path, name: str) -> None:
    metadata(path, name)
    assert foreign_plugins_possible()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lithops_core-0.1.0.dist-info", POINTS),
        ("lithops_core.egg-info", POINTS),
        ("x-1.dist-info", None),
        ("x-1.dist-info", "[console_scripts]\nlithops = x:main\n"),
        ("x-1", POINTS),
        ("dist-info", POINTS),
    ],
)
def test_everything_else_is_passed_over(path: Path, name: str, text: str | None) -> None:
    metadata(path, name, text)
    assert not foreign_plugins_possible()
    assert list(_foreign_plugins()) == [] or name.startswith("lithops_core")


def test_an_egg_and_a_zip_file_may_hold_anything(path: Path) -> None:
    with zipfile.ZipFile(path / "bundle.zip", "w") as bundle:
        bundle.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n")
        bundle.writestr("x-1.dist-info/entry_points.txt", POINTS)
    sys.path[:] = [str(path / "bundle.zip")]
    assert foreign_plugins_possible()
    assert [info.distribution for info in _foreign_plugins()] == ["x"]
    sys.path[:] = [str(path / "x.egg")]
    assert foreign_plugins_possible()


def test_a_folder_that_is_not_there_holds_nothing(path: Path) -> None:
    sys.path[:] = [str(path / "gone")]
    assert not foreign_plugins_possible()


def test_the_empty_entry_is_the_working_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata(path, "x-1.dist-info")
    monkeypatch.chdir(path)
    sys.path[:] = [""]
    assert foreign_plugins_possible()


def test_another_finder_of_distributions_is_asked(path: Path) -> None:
    class Elsewhere:
        @staticmethod
        def find_spec(*_: object) -> None:
            return None

        @staticmethod
        def find_distributions(context: object) -> list[object]:
            return []

    sys.meta_path.append(Elsewhere)
    assert foreign_plugins_possible()


def test_it_agrees_with_importlib_metadata_here() -> None:
    code = (
        "from importlib.metadata import distributions\n"
        "from lithops.plugins.discovery import KINDS, _foreign_plugins\n"
        "from lithops.plugins.glance import foreign_plugins_possible\n"
        "groups = {f'lithops.{kind}' for kind in KINDS}\n"
        "others = [d for d in distributions() if d.name.replace('_', '-') != 'lithops-core']\n"
        "foreign = any(point.group in groups for d in others for point in d.entry_points)\n"
        "print(foreign_plugins_possible() is foreign, bool(list(_foreign_plugins())) is foreign)"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output == "True True\n"


def test_a_stranger_that_claims_the_name_of_a_built_in_plugin_is_seen(path: Path) -> None:
    metadata(path, "x-1.dist-info", "[lithops.standalone]\nlocalhost = x:X\n")
    with pytest.raises(PluginError) as caught:
        find("compute", "localhost")
    assert str(caught.value) == (
        f"compute backend 'localhost' is claimed by lithops-core {__version__} (lithops.localhost) and x 1 "
        "(lithops.standalone); pip uninstall one of them"
    )


def test_both_ways_list_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = installed()
    monkeypatch.setattr("lithops.plugins.glance.foreign_plugins_possible", lambda: True)
    assert installed() == quick == sorted(BUILT_IN, key=lambda info: info.kind)


def test_the_built_in_plugins_are_the_entry_points_of_the_core() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    expected = {(info.group, info.name): info.target for info in BUILT_IN}
    assert {(group, name): target for group, points in declared.items() for name, target in points.items()} == expected
    found = {(p.group, p.name): p.value for p in entry_points().select(group="lithops.localhost")}
    assert not found or found.items() <= expected.items()


def test_finding_localhost_imports_no_metadata() -> None:
    code = (
        "import sys\n"
        "from lithops.plugins import find\n"
        "find('compute', 'localhost'), find('storage', 'localhost')\n"
        "print([m for m in ('importlib.metadata', 'pydantic', 'click', 'email', 'difflib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
