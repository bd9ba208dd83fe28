"""Groups of commands: known by a table until one is asked for, and helpful about names that are none."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

UNREAD = 141
"""Exit code when nobody reads what is printed, as of a program that SIGPIPE ends."""
_CONTRIBUTED = "lithops.cli.contributed"  # where a context keeps the commands of plugins


class AdvisingGroup(click.Group):
    """Says which command may have been meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            from lithops.config.names import advice

            ctx.fail(f"there is no command {name!r}; {advice(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class CommandTable(AdvisingGroup):
    """Imports `<package>.<name>` for its attribute `command` when the command is invoked, and adds those of plugins.

    `table` holds the short help of each. Plugins are only asked when commands are listed or an unknown one is named.
    """

    def __init__(self, *args: Any, table: Mapping[str, str], package: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table
        self._package = package

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; what it returns is its own affair and no exit code."""
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # click would make it exit code 1, as if the command had failed
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it exits
            ctx.exit(UNREAD)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in commands in the order of the table, then those of plugins."""
        return [*self._table, *sorted(self._contributed(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a built-in command, or look for one of a plugin."""
        if cmd_name in self._table:
            command: click.Command = import_module(f"{self._package}.{cmd_name}").command
            return command
        return self._contributed(ctx).get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing what it lists."""
        others = self._contributed(ctx)
        sections = {
            "Commands": list(self._table.items()),
            "Commands of plugins": [(name, others[name].get_short_help_str(80)) for name in sorted(others)],
        }
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _contributed(self, ctx: click.Context) -> dict[str, click.Command]:
        found: dict[str, click.Command] | None = ctx.meta.get(_CONTRIBUTED)
        if found is None:
            from lithops.cli.contributed import contributed_commands

            found = ctx.meta[_CONTRIBUTED] = contributed_commands(taken=self._table)
        return found
