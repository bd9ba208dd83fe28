"""The README's two commands are what CI runs, and the documents point at what exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def commands(root: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [block.strip() for block in blocks]


def test_readme_has_exactly_two_commands_of_one_line(commands: list[str]) -> None:
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)


def test_both_commands_work_inside_a_venv_made_by_the_first_step(commands: list[str]) -> None:
    for command in commands:
        first, *others = (shlex.split(step) for step in command.split("&&"))
        assert first == ["python3", "-m", "venv", ".venv"]
        assert all(step[0].startswith(".venv/bin/") for step in others)


def test_first_command_installs_the_core_and_runs_the_word_count(root: Path, commands: list[str]) -> None:
    assert shlex.split(commands[0])[-1] == "examples/word_count.py"
    folders = [word for word in shlex.split(commands[0]) if word.startswith("./")]
    assert folders == ["./packages/lithops-core"]
    assert all((root / name / "pyproject.toml").is_file() for name in folders)
    assert (root / "examples/word_count.py").is_file()


def test_second_command_runs_all_default_sessions(commands: list[str]) -> None:
    assert commands[1].endswith("&& .venv/bin/nox")


def test_ci_finds_the_same_two_commands_and_asks_for_everything(root: Path, commands: list[str]) -> None:
    script = (root / ".ci/run").read_text(encoding="utf-8")
    pattern = re.search(r"grep '([^']*)' README\.md", script)
    assert pattern, ".ci/run is to take the commands from the README"
    lines = (root / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.match(pattern[1], line)] == commands
    assert "LITHOPS_TEST_REQUIRE=all" in script
    assert os.access(root / ".ci/run", os.X_OK)


def test_ci_script_is_valid_bash(root: Path) -> None:
    subprocess.run(["bash", "-n", root / ".ci/run"], check=True, timeout=30)


def test_every_relative_link_of_the_documents_leads_to_a_file(root: Path, texts: dict[Path, str]) -> None:
    broken = []
    for path, text in texts.items():
        if path.suffix != ".md":
            continue
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
            if "://" not in target and not (root / path.parent / target).exists():
                broken.append(f"{path} -> {target}")
    assert not broken, broken


def test_every_page_is_reached_from_the_index(root: Path) -> None:
    index = (root / "docs/index.md").read_text(encoding="utf-8")
    missing = [
        page.name for page in root.glob("docs/*.md") if page.name != "index.md" and f"({page.name})" not in index
    ]
    assert not missing, f"docs/index.md does not name {missing}"
