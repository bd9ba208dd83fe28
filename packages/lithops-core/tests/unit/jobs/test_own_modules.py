"""A module is the user's own when it lives where nothing is installed."""

from __future__ import annotations

import importlib
import json
import site
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import cloudpickle
import numpy

import lithops
from lithops.jobs.own_modules import OwnModules, is_own

if TYPE_CHECKING:
    import pytest


def load(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    monkeypatch.setitem(sys.modules, name, module)  # taken out again at the end
    return module


def test_standard_library_installed_packages_and_this_library_are_not_own() -> None:
    names = ["json", "json.decoder", "sys", "zipimport", "_json", "numpy", "numpy.linalg", "pytest", "_pytest.python"]
    for name in names:
        assert not is_own(name, importlib.import_module(name)), name
    assert not is_own("json", json)
    assert not is_own("numpy", numpy)
    assert not is_own("lithops", lithops)
    assert not is_own("lithops.errors", sys.modules["lithops.errors"])
    assert not is_own("cloudpickle", cloudpickle)


def test_main_is_left_to_cloudpickle() -> None:
    assert not is_own("__main__", sys.modules["__main__"])


def test_module_in_a_folder_of_the_users_is_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain_own.py").write_text("")
    assert is_own("plain_own", load("plain_own", tmp_path, monkeypatch))


def test_module_with_a_name_of_the_standard_library_is_own_where_it_lives(tmp_path: Path) -> None:
    module = ModuleType("types")
    module.__file__ = str(tmp_path / "types.py")
    assert is_own("types", module)


def test_plugins_are_not_own_but_a_package_called_alike_is(tmp_path: Path) -> None:
    for name, own in [("lithops_backend_mine", False), ("lithops_storage_x", False), ("lithops_demo", True)]:
        module = ModuleType(name)
        module.__file__ = str(tmp_path / name / "__init__.py")
        module.__path__ = [str(tmp_path / name)]
        assert is_own(name, module) is own


def test_editable_install_is_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, packages = tmp_path / "project" / "src", tmp_path / "site-packages"
    (source / "editable_own").mkdir(parents=True)
    (source / "editable_own" / "__init__.py").write_text("")
    packages.mkdir()
    (packages / "editable_own.pth").write_text(f"{source}\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    site.addsitedir(str(packages))
    module = importlib.import_module("editable_own")
    monkeypatch.delitem(sys.modules, "editable_own")
    assert Path(str(module.__file__)).is_relative_to(source)
    assert is_own("editable_own", module)


def test_what_an_installer_has_recorded_in_a_folder_is_not_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "installed_pkg").mkdir()
    (tmp_path / "installed_pkg" / "__init__.py").write_text("")
    (tmp_path / "installed_pkg" / "sub.py").write_text("")
    (tmp_path / "installed_single.py").write_text("")
    (tmp_path / "mine_beside.py").write_text("")
    (tmp_path / "installed-1.0.dist-info").mkdir()
    (tmp_path / "installed-1.0.dist-info" / "RECORD").write_text(
        "installed_pkg/__init__.py,sha256=x,0\ninstalled_single.py,sha256=x,0\ninstalled-1.0.dist-info/RECORD,,\n"
    )
    for name, own in [
        ("installed_pkg", False),
        ("installed_pkg.sub", False),
        ("installed_single", False),
        ("mine_beside", True),
    ]:
        assert is_own(name, load(name, tmp_path, monkeypatch)) is own, name


def test_namespace_package_is_own_when_no_portion_is_installed(tmp_path: Path) -> None:
    module = ModuleType("space")
    module.__path__ = [str(tmp_path / "a" / "space")]
    assert is_own("space", module)
    module.__path__.append(str(tmp_path / "site-packages" / "space"))
    assert not is_own("space", module)
    assert not is_own("space", ModuleType("space"))


def test_modules_loaded_later_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "later_own.py").write_text("")
    (tmp_path / "later_own_too.py").write_text("")
    modules = OwnModules()
    assert "later_own" not in modules.loaded().own
    load("later_own", tmp_path, monkeypatch)
    assert "later_own" in modules.loaded().own
    load("later_own_too", tmp_path, monkeypatch)
    assert {"later_own", "later_own_too"} <= modules.loaded().own
    assert "json" not in modules.loaded().own


def test_extension_modules_of_the_users_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.machinery import EXTENSION_SUFFIXES

    module = ModuleType("compiled_own")
    module.__file__ = str(tmp_path / f"compiled_own{EXTENSION_SUFFIXES[0]}")
    monkeypatch.setitem(sys.modules, "compiled_own", module)
    loaded = OwnModules().loaded()
    assert "compiled_own" in loaded.binary
    assert "compiled_own" not in loaded.own
