"""The files of the workspace, as the tests of this folder look at them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".cfg", ".j2", ".typed", ""}


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def texts(root: Path) -> dict[Path, str]:
    """The text files that belong to the repository or are about to."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    names = [Path(name) for name in listed.stdout.split("\0") if name]
    files = (name for name in names if name.suffix in TEXT and (root / name).is_file())
    return {name: (root / name).read_text(encoding="utf-8") for name in sorted(files)}


@pytest.fixture(scope="session")
def product(texts: dict[Path, str]) -> dict[Path, str]:
    """The modules that are shipped, of every package."""
    return {path: text for path, text in texts.items() if path.suffix == ".py" and path.parts[2:3] == ("src",)}
