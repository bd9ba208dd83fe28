"""`lithops plugins`: what is installed, and whether it can be used."""

from __future__ import annotations

import click

from lithops.cli.options import debug_option, json_option
from lithops.cli.show import show_json, show_table


@click.command("plugins")
@json_option
@debug_option
def command(as_json: bool) -> None:
    """List the installed plugins and whether each can be used."""
    from lithops.cli.examination import examine
    from lithops.plugins.discovery import COMPUTE_KINDS

    rows = [
        {
            "name": finding.info.name,
            "kind": "plugin" if finding.info.kind == "plugins" else finding.info.family,
            "mode": finding.info.kind if finding.info.kind in COMPUTE_KINDS else None,
            "distribution": finding.info.distribution,
            "version": finding.info.version,
            "target": finding.info.target,
            "state": finding.state,
            "reason": finding.reason or None,
        }
        for finding in examine()
    ]
    if as_json:
        show_json(rows)
        return
    columns = ("name", "kind", "mode", "distribution", "version", "state")
    show_table(columns, [[row[column] or "-" for column in columns] for row in rows])
    reasons = dict.fromkeys(row["reason"] for row in rows if row["reason"])
    if reasons:
        click.echo()
    for reason in reasons:
        click.echo(reason)
