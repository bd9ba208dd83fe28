"""Fixtures of these tests."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from lithops.config import resolve
from lithops.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, which is the working folder, and an environment that says nothing."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    for name in ("LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE", "LITHOPS_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


class Write(Protocol):
    def __call__(self, text: str) -> str: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a config file and return its path."""

    def write_file(text: str) -> str:
        path = tmp_path / "config.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write_file


class Install(Protocol):
    def __call__(self, name: str, kind: str, *, keys: str = "", provider: str | None = None) -> None: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution with one plugin, whose model has the given fields."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install_plugin(name: str, kind: str, *, keys: str = "", provider: str | None = None) -> None:
        module = f"{tmp_path.name}_{kind}_{name}".replace("-", "_")
        fields = textwrap.indent(textwrap.dedent(keys).strip() or "pass", "    ")
        hook = {"storage": "head_bucket(self, request)", "plugins": "job_finished(self, job)"}.get(kind, "close(self)")
        (site / f"{module}.py").write_text(
            "from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr\n"
            "from lithops.hookspecs import hookimpl\n"
            "class Config(BaseModel):\n"
            '    """Keys."""\n'
            '    model_config = ConfigDict(extra="forbid", frozen=True)\n'
            f"{fields}\n"
            "class Plugin:\n"
            '    """A plugin."""\n'
            f"    name = {name!r}\n"
            f"    provider = {provider!r}\n"
            "    Config = Config\n"
            "    @hookimpl\n"
            f"    def {hook}:\n"
            '        """Answer."""\n'
        )
        metadata = site / f"{module}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[lithops.{kind}]\n{name} = {module}:Plugin\n")
        for stale in [path for path in sys.path_importer_cache if path == str(site)]:
            del sys.path_importer_cache[stale]

    return install_plugin


def refused(**arguments: object) -> str:
    """Return what is said of a configuration that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        resolve(**arguments)  # type: ignore[arg-type]
    return str(caught.value)


def compute(**arguments: Any) -> Any:
    """Return the section of the compute backend."""
    return resolve(**arguments).compute
