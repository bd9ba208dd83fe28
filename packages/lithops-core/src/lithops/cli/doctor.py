"""`lithops doctor`: look for what keeps calls from running, and say what to do."""

from __future__ import annotations

from dataclasses import asdict

import click

from lithops.cli.options import choice_options, debug_option, json_option
from lithops.cli.show import show_json

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor")
@choice_options
@json_option
@debug_option
@click.pass_context
def command(
    context: click.Context, config_file: str | None, backend: str | None, storage: str | None, as_json: bool
) -> None:
    """Look for what keeps calls from running, and say what to do.

    Runs one call on the configured backend. The exit code is 1 if anything fails; warnings do not count.
    """
    from lithops.cli.checkup import checkup

    checks = []
    for check in checkup(config_file, backend, storage):
        checks.append(check)
        if not as_json:
            click.secho(f"{check.state:<5}", fg=_COLOURS[check.state], nl=False)
            lines = [*check.found.splitlines(), *([check.remedy] if check.remedy else [])]
            click.echo(f" {check.name:<17}" + f"\n{'':23}".join(lines))
    healthy = all(check.state != "fail" for check in checks)
    if as_json:
        show_json({"healthy": healthy, "checks": [asdict(check) for check in checks]})
    if not healthy:
        context.exit(1)
