"""Find working Python interpreters by minor version.

Imports the standard library only: the workspace's noxfile runs this module straight from the source tree.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


@functools.cache
def find_interpreter(version: str) -> Path | None:
    """Return an interpreter of `version`, such as `"3.12"`, that really starts, or None.

    Looks on PATH, then where pyenv and uv keep theirs. Being found is not enough: pyenv puts a `python3.12` on PATH
    that fails unless that version is selected.
    """
    return next((path for path in _candidates(version) if _starts(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    for folder in os.get_exec_path():
        yield Path(folder) / name
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/*/bin/{name}"), reverse=True)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from sorted(uv.glob(f"*/bin/{name}"), reverse=True)


def _starts(path: Path, version: str) -> bool:
    if not path.exists():
        return False
    try:
        answer = subprocess.run(
            [path, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == version
