"""docs/cli.md shows what really happens: every command on it is run, in the order of the page."""

from __future__ import annotations

import doctest
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lithops.cli.main import COMMANDS

from .conftest import COMMAND, environment

if TYPE_CHECKING:
    from .conftest import Lithops

PAGE = next(page for folder in Path(__file__).parents if (page := folder / "docs" / "cli.md").is_file()).read_text()
EXECUTOR = "1f3a9c-0"  # as the page has it


def test_every_command_prints_what_the_page_says(lithops_process: Lithops, home: Path) -> None:
    executor = EXECUTOR
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL):
        if language == "python":
            executor = run_program(block, home).rpartition("-")[0]
            continue
        for line, expected in re.findall(r"^\$ lithops (.*)\n((?:(?!\$ ).*\n)*)", block, flags=re.MULTILINE):
            arguments = shlex.split(line.replace(EXECUTOR, executor))
            if arguments == ["logs", "poll"]:
                follow()
                continue
            outcome = lithops_process(*arguments)
            assert (outcome.code, outcome.err) == (0, "")
            same_but_for_dots(expected, outcome.out.replace(executor, EXECUTOR), line)


def run_program(program: str, folder: Path) -> str:
    script = folder / "program.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, env=environment(), check=True
    )
    return done.stdout.strip()


def follow() -> None:
    with subprocess.Popen([*COMMAND, "logs", "poll"], stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stderr is not None
        assert b"Ctrl-C" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


def same_but_for_dots(expected: str, found: str, line: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(expected, found, flags), f"lithops {line} printed:\n{found}"


def test_every_command_has_a_section() -> None:
    assert re.findall(r"^## (\w+)$", PAGE, flags=re.MULTILINE) == list(COMMANDS)
