"""`lithops clean`: remove what earlier programs left behind."""

from __future__ import annotations

import os

import click

from lithops.cli.options import choice_options, debug_option, json_option
from lithops.cli.show import show_json


@click.command("clean")
@choice_options
@click.option("-a", "--all", "everything", is_flag=True, help="Also what is kept for the next run, such as runtimes.")
@json_option
@debug_option
@click.pass_context
def command(
    context: click.Context,
    config_file: str | None,
    backend: str | None,
    storage: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Remove what earlier programs left behind.

    That is logs, what executors have put into storage, temporary objects and what backends made for jobs. What belongs
    to a program that still runs is kept.
    Every plugin in use cleans what it made; one that cannot keeps no other from it, and makes the exit code 1.
    """
    from lithops.types import CleanReport

    removed: list[str] = []
    errors: list[str] = []
    for label, answer in _clean(config_file, backend, storage, everything):
        if isinstance(answer, CleanReport):
            removed += answer.removed
        else:
            errors.append(f"{label} could not clean: {answer}")
    if as_json:
        show_json({"removed": removed, "errors": errors})
    else:
        for line in removed:
            click.echo(f"removed {line}")
        if not removed and not errors:
            click.echo("nothing to remove")
        for line in errors:
            click.echo(f"error: {line}", err=True)
    if errors:
        context.exit(1)


def _clean(
    config_file: str | None, backend: str | None, storage: str | None, everything: bool
) -> list[tuple[str, object]]:
    from lithops.config import resolve, state_dir
    from lithops.config.settings import LANES
    from lithops.jobs.leftovers import clean_leftovers
    from lithops.plugins import open_plugins
    from lithops.types import CleanScope, ExecutorInfo

    settings = resolve(config_file=config_file, backend=backend, storage=storage)
    monitor = settings.monitoring if settings.monitoring not in LANES else None
    plugins = open_plugins(compute=settings.backend, storage=settings.storage, monitor=monitor)
    try:
        info = ExecutorInfo(
            executor_id=f"clean-{os.getpid()}",
            mode=settings.mode,
            backend=settings.backend,
            storage=settings.storage,
            state_dir=str(state_dir()),
        )
        plugins.configure(
            info,
            compute=settings.compute,
            storage=settings.storage_config,
            monitor=settings.sections.get(monitor or ""),
            others={other: settings.sections.get(getattr(other, "name", "")) for other in plugins.others},
        )
        return [
            *plugins.clean(CleanScope(everything=everything)),
            *clean_leftovers(info.state_dir, everything=everything),
        ]
    finally:
        plugins.close()
