"""Where `lithops` begins and ends: the commands there are, and what becomes of errors.

Exit codes: 0 done, 1 an error that is told on standard error, 2 a wrong command line, 130 Ctrl-C, 141 nobody reads.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from lithops._version import __version__
from lithops.cli.groups import CommandTable
from lithops.cli.options import State, debug_option
from lithops.errors import LithopsError

FAILED, INTERRUPTED = 1, 130

COMMANDS = {
    "hello": "Run a first function, to see that all works.",
    "doctor": "Look for what keeps calls from running, and say what to do.",
    "config": "Show, check or begin a configuration.",
    "plugins": "List the installed plugins and whether each can be used.",
    "job": "Show, collect or cancel jobs that outlive their driver.",
    "logs": "Show what calls wrote to their standard streams.",
    "clean": "Remove what earlier programs left behind.",
}
"""Name and short help of each built-in command, so that none of them is imported for the sake of a list."""


@click.group(
    cls=CommandTable,
    table=COMMANDS,
    package="lithops.cli",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="lithops", message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Run ordinary Python functions in parallel, on whatever there is."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; `arguments` default to those of the process."""
    sys.exit(_run(arguments, State()))


def _run(arguments: Sequence[str] | None, state: State) -> int:
    try:
        # Not click's standalone mode, which has exit codes of its own for Ctrl-C; here it returns the code of an exit.
        code = cli.main(arguments, prog_name="lithops", standalone_mode=False, obj=state)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except LithopsError as error:
        if state.debug:
            import traceback

            traceback.print_exception(error)
        click.secho("error: ", fg="red", nl=False, err=True)
        click.echo(str(error), err=True)
        return FAILED
    return code if isinstance(code, int) else 0
