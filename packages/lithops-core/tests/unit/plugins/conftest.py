"""Distributions that know nothing of this repository: copied out of it, built to wheels, installed with pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "data" / "plugins"

BUILD = """
import os, sys
from hatchling.build import build_wheel
out, *sources = sys.argv[1:]
for source in sources:
    os.chdir(source)
    build_wheel(out)
"""


@pytest.fixture(scope="session")
def build_and_install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, Iterable[Path]], None]:
    """Return what builds distributions to wheels and installs them into a folder, without any network."""

    def install(target: Path, sources: Iterable[Path]) -> None:
        wheels = tmp_path_factory.mktemp("wheels")
        folders = sorted(map(str, sources))
        subprocess.run([sys.executable, "-c", BUILD, str(wheels), *folders], check=True, capture_output=True)
        built = sorted(map(str, wheels.glob("*.whl")))
        assert len(built) == len(folders)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", str(target), *built], check=True, capture_output=True)

    return install


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, build_and_install: Callable[[Path, Iterable[Path]], None]) -> Path:
    """Return a folder of installed distributions."""
    base = tmp_path_factory.mktemp("outside")
    shutil.copytree(SOURCES, base / "sources", ignore=shutil.ignore_patterns("__pycache__"))
    build_and_install(base / "site", (base / "sources").iterdir())
    return base / "site"


@pytest.fixture
def forget_modules() -> Iterator[None]:
    """Let go of what a test imported from outside, so that the next one finds it anew."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith(("lithops_backend_", "acme_")):
            del sys.modules[name]


@pytest.fixture
def outsiders(site: Path, monkeypatch: pytest.MonkeyPatch, forget_modules: None) -> Path:
    """Put the installed distributions where this interpreter finds them."""
    monkeypatch.syspath_prepend(str(site))
    return site
