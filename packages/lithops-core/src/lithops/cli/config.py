"""`lithops config`: show, check or begin a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from lithops.cli.groups import AdvisingGroup
from lithops.cli.options import choice_options, config_option, debug_option, json_option
from lithops.cli.show import show_json
from lithops.errors import ConfigError


@click.group("config", cls=AdvisingGroup)
def command() -> None:
    """Show, check or begin a configuration."""


@command.command("show", short_help="Print what holds in the end, secrets masked.")
@choice_options
@json_option
@debug_option
def show(config_file: str | None, backend: str | None, storage: str | None, as_json: bool) -> None:
    """Print what holds in the end, defaults filled in, secrets masked."""
    from lithops.config import resolve

    settings = resolve(config_file=config_file, backend=backend, storage=storage)
    sections = _plain(settings.as_dict())
    for note in settings.notes:
        click.echo(f"note: {note}", err=True)
    if as_json:
        show_json(sections)
        return
    import yaml

    click.echo(f"# from {settings.source or 'the defaults: no configuration was found'}")
    click.echo(yaml.safe_dump(sections, sort_keys=False, allow_unicode=True), nl=False)


@command.command("validate", short_help="Check every section.")
@click.argument("file", required=False)
@config_option
@json_option
@debug_option
@click.pass_context
def validate(context: click.Context, file: str | None, config_file: str | None, as_json: bool) -> None:
    """Check every section of FILE, those of installed plugins that are not in use included.

    Without FILE, of what is found where every program looks for it.
    """
    from lithops.config import resolve
    from lithops.config.sources import locate
    from lithops.errors import LithopsError

    if file is not None and config_file is not None:
        raise click.UsageError(f"FILE and --config name two configurations, {file!r} and {config_file!r}; name one")
    config_file = file or config_file
    source = locate(None, config_file)
    origin = source.origin if source is not None else None
    try:
        notes = resolve(config_file=config_file, thorough=True).notes
    except LithopsError as error:
        if not as_json:
            raise
        show_json({"source": origin, "valid": False, "errors": str(error).splitlines(), "notes": []})
        context.exit(1)
    if as_json:
        show_json({"source": origin, "valid": True, "errors": [], "notes": notes})
        return
    for note in notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{origin}: valid" if origin else "no configuration was found, so the defaults hold")


@command.command("init", short_help="Write a commented file with every key.")
@click.argument("plugins", nargs=-1, metavar="[PLUGIN]...")
@click.option("-o", "--output", metavar="FILE", help="Where to write, instead of ~/.lithops/config; - prints.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@debug_option
def init(plugins: tuple[str, ...], output: str | None, force: bool) -> None:
    """Write a commented file with every key, for all installed plugins or only for each PLUGIN."""
    from lithops.config import render_template

    text = render_template(plugins or None)
    if output == "-":
        click.echo(text, nl=False)
        return
    path = Path(output) if output else Path("~/.lithops/config").expanduser()
    _write(path, text, replace=force)
    click.echo(f"wrote {path}; edit it, then run 'lithops config validate{f' -c {path}' if output else ''}'")


def _write(path: Path, text: str, *, replace: bool) -> None:
    """Write a file that only its owner can read, for secrets will stand in it; whole, or not at all."""
    written = path.with_name(f".{path.name}.{os.getpid()}") if replace else path
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True)
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
    except FileExistsError as error:
        raise ConfigError(
            f"{str(path)!r} exists already; --force replaces it, --output FILE writes somewhere else"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"cannot write {str(path)!r}: {error.strerror}; name another file with --output FILE"
        ) from error


def _plain(value: Any) -> Any:
    """Return what YAML and JSON can say."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
