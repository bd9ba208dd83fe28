"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class State:
    """What the options of any command say about the whole run."""

    debug: bool = False


def _debug(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if context.resilient_parsing:
        return
    from lithops.cli.terminal_log import show_log

    if wanted:
        context.ensure_object(State).debug = True
    show_log(debug=wanted)
    if wanted:
        _say_what_runs()


def _say_what_runs() -> None:
    import logging
    import sys

    from lithops._version import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    logging.getLogger(__name__).debug("lithops-core %s on Python %s: %s", __version__, python, sys.argv[1:])


debug_option = click.option(
    "-d",
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_debug,
    help="Log all that happens, and show the traceback of an error.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def config_option(command: Command) -> Command:
    """Add `-c/--config`, as parameter `config_file`."""
    return click.option(
        "-c", "--config", "config_file", metavar="FILE", help="Configuration file; without, as a program finds it."
    )(command)


def choice_options(command: Command) -> Command:
    """Add `-c/--config`, `-b/--backend` and `-s/--storage`."""
    for option in (
        click.option("-s", "--storage", metavar="NAME", help="Storage backend, instead of the configured one."),
        click.option("-b", "--backend", metavar="NAME", help="Compute backend, instead of the configured one."),
    ):
        command = option(command)
    return config_option(command)
