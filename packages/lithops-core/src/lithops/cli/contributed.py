"""Commands that installed plugins add. A plugin that is broken costs its commands and a warning, nothing else."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from lithops.plugins.discovery import installed

if TYPE_CHECKING:
    import click

    from lithops.plugins.discovery import PluginInfo


def contributed_commands(taken: Container[str]) -> dict[str, click.Command]:
    """Ask every cross-cutting plugin for its commands; a name that is taken stays with whoever has it."""
    everything = installed()
    names = sorted({info.name for info in everything if info.kind == "plugins"})
    if not names:
        return {}

    import logging

    from lithops.cli.terminal_log import show_log
    from lithops.errors import PluginError
    from lithops.plugins.discovery import find

    show_log()
    warn = logging.getLogger(__name__).warning
    commands: dict[str, click.Command] = {}
    owners: dict[str, str] = {}
    for name in names:
        try:
            info = find("plugins", name, everything)
            for command in _commands_of(info):
                key = command.name or ""
                if not key or key in taken or key in commands:
                    owner = owners.get(key, "lithops itself" if key else "nobody, as it has no name")
                    warn("%s: its command %r is left out: that name belongs to %s", info, key, owner)
                    continue
                commands[key], owners[key] = command, str(info)
        except PluginError as error:
            warn("left out: %s", error)
    return commands


def _commands_of(info: PluginInfo) -> list[click.Command]:
    import click

    from lithops.errors import PluginError
    from lithops.plugins import Plugins, load

    plugin_class = load(info)
    try:
        plugin = plugin_class()
        commands = Plugins(None, others=[plugin], origins={plugin: info}).cli_commands()
    except PluginError:
        raise
    except Exception as error:  # a stranger's code
        raise PluginError(
            f"{info} failed when it was asked for commands: {type(error).__name__}: {error}; its hook 'cli_commands' "
            f"must return a sequence of click commands"
        ) from error
    for command in commands:
        if not isinstance(command, click.Command):
            raise PluginError(
                f"{info} adds {command!r} to the command line; its hook 'cli_commands' must return a sequence of "
                f"click commands"
            )
    return commands
