"""The two environments of the benchmarks: ours, with the built wheel, and the peers'."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
PEERS_TXT = Path(__file__).with_name("peers.txt")
USED_BY_CASES = {"joblib", "numpy", "redis", "scikit-learn"}


def _uv() -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    return [found] if found else []


def _run(argv: Sequence[str | Path]) -> None:
    done = subprocess.run([str(part) for part in argv], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"cannot prepare the environments: {argv!r} ended with {done.returncode}:\n{done.stderr}")


def _create(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        uv = _uv()
        _run([*uv, "venv", "-q", "-p", sys.executable, folder] if uv else [sys.executable, "-m", "venv", folder])
    return python


def _install(python: Path, *what: str | Path) -> None:
    # Byte code is compiled at once, as pip does: the first import of a peer must not pay for it.
    if uv := _uv():
        _run([*uv, "pip", "install", "-q", "--compile-bytecode", "-p", python, *what])
    else:
        _run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *what])


def prepare_ours(folder: Path) -> Path:
    """Build the wheel of the core, install it alone (and what the cases themselves use); return the interpreter."""
    used = [line for line in PEERS_TXT.read_text().splitlines() if line.partition("==")[0] in USED_BY_CASES]
    return _prepare(folder / "ours", used, ("lithops-core",))


def prepare_kit(folder: Path) -> Path:
    """Install the wheels of the core and of lithops-testing, whose platforms are doubles; return the interpreter."""
    return _prepare(folder / "kit", ["httptools", "trustme"], ("lithops-core", "lithops-testing"))


def _prepare(folder: Path, used: Sequence[str], distributions: Sequence[str]) -> Path:
    python = _create(folder)
    with tempfile.TemporaryDirectory() as wheels:
        for distribution in distributions:
            source = ROOT / "packages" / distribution
            if uv := _uv():
                _run([*uv, "build", "-q", "--wheel", source, "-o", wheels])
            else:
                _run([python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, source])
        again = [f"--reinstall-package={name}" for name in distributions] if _uv() else ["--force-reinstall"]
        _install(python, *used, *again, *Path(wheels).glob("*.whl"))
    return python


def prepare_peers(folder: Path) -> Path:
    """Install the pinned peers, once for each content of peers.txt; return the interpreter."""
    made_for = hashlib.sha256(PEERS_TXT.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / "peers" / "made-for"
    if not stamp.exists() or stamp.read_text() != made_for:
        shutil.rmtree(folder / "peers", ignore_errors=True)
        _install(_create(folder / "peers"), "-r", PEERS_TXT)
        stamp.write_text(made_for)
    return folder / "peers" / "bin" / "python"
