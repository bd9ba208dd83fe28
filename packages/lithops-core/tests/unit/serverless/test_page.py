"""The program in docs/serverless.md prints what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lithops_testing.faas import FaasDouble

PAGE = next(
    path for parent in Path(__file__).resolve().parents if (path := parent / "docs" / "serverless.md").exists()
).read_text(encoding="utf-8")


PROGRAMS = re.findall(r"^```python\n((?:(?!```).*\n)+)```\s*```text\n((?:(?!```).*\n)+)```", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_program_prints_what_the_page_says(
    faas_double: FaasDouble, faas_backend: str, tmp_path: Path, program: str, output: str
) -> None:
    (tmp_path / "program.py").write_text(program)
    config = {"lithops": {"backend": "faas_double"}, "faas_double": {**faas_double.config, "max_workers": 4}}
    env = {**os.environ, "PYTHONPATH": faas_backend, "LITHOPS_CONFIG": json.dumps(config)}
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"], capture_output=True, text=True, env=env, check=False
    )
    assert done.stdout == output, done.stderr
    assert "out of reach of the workers" in done.stderr
