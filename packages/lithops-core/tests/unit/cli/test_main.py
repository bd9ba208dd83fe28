"""How the command line begins and ends."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lithops import __version__
from lithops.cli.main import COMMANDS

from .conftest import COMMAND, environment

if TYPE_CHECKING:
    from .conftest import Lithops, Log


def test_help_lists_every_command_with_what_it_does(lithops: Lithops) -> None:
    outcome = lithops("--help")

    assert outcome.code == 0
    for name, short_help in COMMANDS.items():
        assert f"  {name:<8} {short_help}" in outcome.out


def test_no_command_at_all_shows_the_help(lithops: Lithops) -> None:
    assert lithops() == lithops("--help") == lithops("-h")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_of_the_table_is_that_of_the_command(name: str) -> None:
    command = importlib.import_module(f"lithops.cli.{name}").command

    assert command.name == name
    assert command.get_short_help_str(100) == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, lithops: Lithops) -> None:
    outcome = lithops(name, "--help")

    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: lithops {name} ")


def test_version_is_printed_alone(lithops: Lithops) -> None:
    assert lithops("--version").out == f"lithops {__version__}\n"


def test_help_imports_no_command_and_nothing_slow() -> None:
    code = (
        "import sys\nfrom lithops.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "slow = {'pydantic', 'rich', 'yaml', 'importlib.metadata', 'lithops.cli.hello'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment(), check=True
    )

    assert done.stdout.endswith("[]\n")


def test_an_unknown_command_names_the_nearest_one(lithops: Lithops) -> None:
    outcome = lithops("helo")

    assert outcome.code == 2
    assert "there is no command 'helo'; did you mean 'hello'?" in outcome.err


def test_an_unknown_subcommand_names_the_nearest_one(lithops: Lithops) -> None:
    outcome = lithops("config", "shwo")

    assert outcome.code == 2
    assert "there is no command 'shwo'; did you mean 'show'?" in outcome.err


def test_an_unknown_option_is_a_usage_error(lithops: Lithops) -> None:
    outcome = lithops("hello", "--nonsense")

    assert outcome.code == 2
    assert re.search("No such option:? '?--nonsense", outcome.err)


def test_an_error_is_one_line_on_standard_error_and_exit_code_1(lithops_process: Lithops) -> None:
    outcome = lithops_process("hello", "-b", "aws_lamda")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "error: unknown compute backend 'aws_lamda' (installed: localhost); pip install lithops-backend-aws-lamda\n"
    )


@pytest.mark.parametrize("arguments", [("--debug", "hello", "-b", "nope"), ("hello", "-b", "nope", "-d")])
def test_debug_shows_the_traceback_too(arguments: tuple[str, ...], lithops: Lithops) -> None:
    outcome = lithops(*arguments)

    assert outcome.code == 1
    assert "\nTraceback (most recent call last):\n" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("error: unknown compute backend 'nope'")


def test_debug_shows_the_log(lithops: Lithops) -> None:
    assert f"lithops-core {__version__} on Python " in lithops("hello", "--debug").err


def test_without_debug_there_is_nothing_on_standard_error(lithops_process: Lithops) -> None:
    assert lithops_process("hello").err == ""


def test_a_reader_that_leaves_ends_the_command_quietly(log_of: Log) -> None:
    log_of("ab12cd-0-M000", 0, b"x" * 1_000_000)
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "logs", "get", "ab12cd-0-M000"], stdout=writer, stderr=subprocess.PIPE, env=environment()
    )
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 141
    assert errors == b""
