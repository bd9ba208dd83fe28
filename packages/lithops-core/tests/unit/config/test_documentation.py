"""Holds docs/configuration.md to the truth. The page is not part of the distribution, so it is looked for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops.config import resolve
from lithops.config.global_section import LithopsSection
from lithops.localhost.config import LocalhostConfig
from lithops.storage.local.config import LocalStorageConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

    from .conftest import Write

PAGE = next(
    page for folder in Path(__file__).resolve().parents if (page := folder / "docs" / "configuration.md").exists()
).read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))
def test_every_example_is_a_valid_configuration(example: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "me")

    settings = resolve(config_file=write(example), thorough=True)

    assert settings.backend == "localhost"
    assert not [note for note in settings.notes if "no effect" in note]


@pytest.mark.parametrize("program", re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))
def test_every_program_runs(program: str, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(program)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout in ("2\n", "{'password': '***', 'region': 'north'}\n")


@pytest.mark.parametrize("model", [LithopsSection, LocalhostConfig, LocalStorageConfig])
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        listed = re.search(rf"^\| `{key}` \|", PAGE, flags=re.MULTILINE)
        assert (
            listed if not field.deprecated else re.search(rf"^Accepted without effect: .*`{key}`", PAGE, re.MULTILINE)
        )


def test_every_documented_key_exists() -> None:
    known = {key for model in (LithopsSection, LocalhostConfig, LocalStorageConfig) for key in model.model_fields}

    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)) <= known


@pytest.mark.parametrize("line", re.findall(r"^config\.yaml, line 4: .*$", PAGE, flags=re.MULTILINE))
def test_every_message_is_what_is_said(line: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEY", raising=False)
    written = {"worker_proceses": "2", "worker_processes": "0", "API_KEY": "${API_KEY}"}
    name, value = next((name, value) for name, value in written.items() if name in line)
    key = f"{'root' if name == 'API_KEY' else name}: {value}"
    path = write(f"lithops:\n  retries: 1\nlocalhost:\n  {key}\n")

    with pytest.raises(ValueError, match="line 4") as caught:
        resolve(config_file=path)

    assert str(caught.value).replace(path, "config.yaml") == line
