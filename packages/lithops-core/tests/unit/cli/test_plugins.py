"""`lithops plugins`, and commands that plugins add."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

from lithops._version import __version__

from .conftest import COMMAND, environment

if TYPE_CHECKING:
    from .conftest import Install, Lithops

GREETING_COMMAND = """
@hookimpl
def cli_commands(self):
    @click.command("greet", short_help="Greet somebody.")
    @click.argument("name")
    def greet(name):
        click.echo(f"Good day, {name}")
        return 3
    return [greet]
"""


def test_the_built_in_plugins_are_listed(lithops: Lithops) -> None:
    outcome = lithops("plugins")

    assert outcome.code == 0
    assert [line.split() for line in outcome.out.splitlines()] == [
        ["name", "kind", "mode", "distribution", "version", "state"],
        ["localhost", "compute", "localhost", "lithops-core", __version__, "ok"],
        ["localhost", "storage", "-", "lithops-core", __version__, "ok"],
    ]


def test_each_plugin_is_listed_with_its_state_and_the_reason(lithops: Lithops, install: Install) -> None:
    install("fine", "serverless", "@hookimpl\ndef close(self): ...\n", version="0.3")
    install("misspelt", "serverless", "@hookimpl\ndef clsoe(self): ...\n")
    install("future", "storage", "api_version = 99\n")
    install("unmade", "monitor", "def __init__(self): raise OSError('no network')\n")
    install("twin_one", "serverless", "", key="twin")
    install("twin_two", "standalone", "", key="twin")
    install("watch", "plugins", "raise RuntimeError('not today')\n")

    rows = json.loads(lithops("plugins", "--json").out)

    states = {(row["name"], row["distribution"]): row["state"] for row in rows if row["name"] != "localhost"}
    assert states == {
        ("fine", "acme-fine"): "ok",
        ("misspelt", "acme-misspelt"): "broken",
        ("future", "acme-future"): "needs newer API",
        ("unmade", "acme-unmade"): "broken",
        ("twin", "acme-twin_one"): "contested",
        ("twin", "acme-twin_two"): "contested",
        ("watch", "acme-watch"): "broken",
    }
    reasons = {row["name"]: row["reason"] for row in rows}
    assert reasons["fine"] is None
    assert reasons["misspelt"].endswith("implements the hook 'clsoe', which does not exist; did you mean 'close'?")
    assert reasons["future"] == (
        "storage plugin 'future' of acme-future 1.0 needs plugin API 99 but this core speaks 1; "
        "run 'pip install --upgrade lithops-core'"
    )
    assert reasons["unmade"] == (
        "monitor plugin 'unmade' of acme-unmade 1.0 cannot be made: OSError: no network; "
        "do such work in the hook 'configure'"
    )
    assert reasons["twin"] == (
        "compute backend 'twin' is claimed by acme-twin_one 1.0 (lithops.serverless) and "
        "acme-twin_two 1.0 (lithops.standalone); pip uninstall one of them"
    )
    assert "RuntimeError: not today; repair it with" in reasons["watch"]
    kinds = {row["name"]: (row["kind"], row["mode"], row["version"]) for row in rows}
    assert kinds["fine"] == ("compute", "serverless", "0.3")
    assert kinds["watch"] == ("plugin", None, "1.0")


def test_reasons_stand_below_the_table_once_each(lithops: Lithops, install: Install) -> None:
    install("twin_one", "serverless", "", key="twin")
    install("twin_two", "standalone", "", key="twin")

    table, _, reasons = lithops("plugins").out.partition("\n\n")

    assert table.count("contested") == 2
    assert reasons.count("\n") == 1
    assert reasons.startswith("compute backend 'twin' is claimed by ")


def test_a_terminal_gets_a_table_that_takes_no_name_for_markup(install: Install) -> None:
    install("watch", "plugins", "@hookimpl\ndef close(self): ...\n", version="1.0+[red]")
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*COMMAND, "plugins"], stdout=theirs, env={**environment(), "COLUMNS": "120"})
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)

    assert process.wait(timeout=60) == 0
    assert b"1.0+[red]" in shown
    assert "─".encode() in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


def test_a_command_of_a_plugin_is_listed_and_runs(lithops: Lithops, install: Install) -> None:
    install("greeter", "plugins", GREETING_COMMAND)

    assert "Commands of plugins:\n  greet  Greet somebody.\n" in lithops("--help").out
    outcome = lithops("greet", "Ada")
    assert (outcome.code, outcome.out, outcome.err) == (0, "Good day, Ada\n", "")


def test_plugins_are_left_alone_by_a_built_in_command(lithops: Lithops, install: Install) -> None:
    install("noisy", "plugins", "print('imported')\n")

    assert lithops("config", "show", "--json").out.startswith("{")


def test_a_command_cannot_take_a_name_that_is_taken(lithops: Lithops, install: Install) -> None:
    install("usurper", "plugins", GREETING_COMMAND.replace('"greet"', '"hello"'))
    install("greeter", "plugins", GREETING_COMMAND)
    install("greeter_two", "plugins", GREETING_COMMAND)

    outcome = lithops("--help")

    assert outcome.code == 0
    assert outcome.err == (
        "warning: plugin 'greeter_two' of acme-greeter_two 1.0: its command 'greet' is left out: that name belongs to "
        "plugin 'greeter' of acme-greeter 1.0\n"
        "warning: plugin 'usurper' of acme-usurper 1.0: its command 'hello' is left out: that name belongs to lithops "
        "itself\n"
    )


def test_broken_plugins_cost_their_commands_and_a_warning(lithops: Lithops, install: Install) -> None:
    install("broken", "plugins", "raise RuntimeError('not today')\n")
    install("greeter", "plugins", GREETING_COMMAND)
    install("number", "plugins", "@hookimpl\ndef cli_commands(self): return 5\n")
    install("raising", "plugins", "@hookimpl\ndef cli_commands(self): raise ValueError('no idea')\n")
    install("text", "plugins", "@hookimpl\ndef cli_commands(self): return ['greet']\n")

    outcome = lithops("greet", "Ada")

    assert (outcome.code, outcome.out) == (0, "Good day, Ada\n")
    broken, number, raising, text = outcome.err.splitlines()
    assert broken.startswith("warning: left out: plugin 'broken' of acme-broken 1.0 cannot be loaded from ")
    assert number.startswith("warning: left out: plugin 'number' of acme-number 1.0 failed when it was asked for ")
    assert number.endswith("its hook 'cli_commands' must return a sequence of click commands")
    assert raising.startswith("warning: plugin 'raising' of acme-raising 1.0 failed in its hook 'cli_commands'")
    assert text == (
        "warning: left out: plugin 'text' of acme-text 1.0 adds 'greet' to the command line; its hook 'cli_commands' "
        "must return a sequence of click commands"
    )
