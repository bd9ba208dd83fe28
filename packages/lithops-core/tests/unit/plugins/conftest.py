"""Distributions that know nothing of this repository: copied out of it, built to wheels, installed with pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
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
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of installed distributions."""
    base = tmp_path_factory.mktemp("outside")
    shutil.copytree(SOURCES, base / "sources", ignore=shutil.ignore_patterns("__pycache__"))
    sources = sorted(str(path) for path in (base / "sources").iterdir())
    (base / "wheels").mkdir()
    subprocess.run([sys.executable, "-c", BUILD, str(base / "wheels"), *sources], check=True, capture_output=True)
    wheels = sorted(str(path) for path in (base / "wheels").glob("*.whl"))
    assert len(wheels) == len(sources)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", str(base / "site"), *wheels], check=True, capture_output=True)
    return base / "site"


@pytest.fixture
def outsiders(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put the installed distributions where this interpreter finds them."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith(("lithops_backend_", "acme_")):
            del sys.modules[name]
