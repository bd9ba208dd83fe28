"""`lithops logs`: what calls wrote to their standard streams, on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from lithops.cli.groups import AdvisingGroup
from lithops.cli.options import debug_option, json_option
from lithops.cli.show import show_json, show_table, size
from lithops.errors import LithopsError

if TYPE_CHECKING:
    from lithops.localhost.call_logs import CallOutput, JobLog


@click.group("logs", cls=AdvisingGroup)
def command() -> None:
    """Show what calls wrote to their standard streams."""


@command.command("list")
@json_option
@debug_option
def list_jobs(as_json: bool) -> None:
    """List the jobs whose calls wrote something, the latest last."""
    from datetime import datetime

    from lithops.config import logs_dir
    from lithops.localhost.call_logs import job_logs

    columns = ("job_key", "calls", "size_bytes", "modified")
    rows: list[tuple[str, int, int, str]] = []
    for job in job_logs(logs_dir()):
        outputs = job.outputs()
        written = sum(output.end - output.start for output in outputs)
        when = datetime.fromtimestamp(job.modified).astimezone().isoformat(sep=" ", timespec="seconds")
        rows.append((job.job_key, len({output.call for output in outputs}), written, when))
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        shown = [(key, str(calls), size(written), when) for key, calls, written, when in rows]
        show_table(("job", "calls", "size", "last written"), shown)
    else:
        click.echo("no call wrote anything, or its logs were cleaned")


@command.command("get")
@click.argument("job_key")
@click.option("--call", "number", metavar="N", type=click.IntRange(min=0), help="Only call N, counted from 0.")
@json_option
@debug_option
def get(job_key: str, number: int | None, as_json: bool) -> None:
    """Print what the calls of a job wrote, call by call.

    A call is shown once it has ended.
    """
    job = _find(job_key)
    outputs = job.outputs()
    if number is not None:
        wrote = list(dict.fromkeys(output.call for output in outputs))
        outputs = [output for output in outputs if output.call == number]
        if not outputs:
            raise LithopsError(
                f"call {number} of job {job_key!r} wrote nothing, or has not ended; {len(wrote)} calls did write: "
                f"{_some(wrote)}"
            )
    if as_json:
        _print_json(outputs)
    else:
        _print_text(outputs)


@command.command("poll", short_help="Print what calls write while they write it.")
@click.argument("executor_id", required=False)
@json_option
@debug_option
def poll(executor_id: str | None, as_json: bool) -> None:
    """Print what calls write while they write it, of all executors or of one, until Ctrl-C."""
    from lithops.cli.following import follow
    from lithops.config import logs_dir

    root = logs_dir()
    shown = None
    for piece in follow(root, executor_id, ready=lambda: click.echo(f"following {root}; Ctrl-C ends it", err=True)):
        if as_json:
            click.echo(json.dumps({"executor": piece.executor, "worker": piece.worker, "text": piece.text}))
        else:
            source = (piece.executor, piece.worker)
            if source != shown:
                click.echo(f"--- executor {piece.executor} worker {piece.worker}")
                shown = source
            click.echo(piece.text, nl=False)
        sys.stdout.flush()


def _find(job_key: str) -> JobLog:
    from difflib import get_close_matches

    from lithops.config import logs_dir
    from lithops.localhost.call_logs import job_logs

    jobs = {job.job_key: job for job in job_logs(logs_dir())}
    if job_key not in jobs:
        near = get_close_matches(job_key, jobs, n=1)
        raise LithopsError(
            f"there are no logs of job {job_key!r}: its calls wrote nothing, or its logs were cleaned; "
            + (f"did you mean {near[0]!r}?" if near else "'lithops logs list' shows the jobs that have some")
        )
    return jobs[job_key]


def _some(calls: Sequence[int]) -> str:
    shown = ", ".join(map(str, calls[:10]))
    return shown if len(calls) <= 10 else f"{shown} ..."


def _print_text(outputs: Sequence[CallOutput]) -> None:
    sys.stdout.flush()
    stdout = sys.stdout.buffer  # what calls wrote need not be text
    before = None
    for output in outputs:
        again = " (again)" if output.call == before else ""
        before = output.call
        stdout.write(f"--- call {output.call:05d}{again}\n".encode())
        last = b"\n"
        for chunk in _read(output):
            stdout.write(chunk)
            last = chunk
        if not last.endswith(b"\n"):
            stdout.write(b"\n")
    stdout.flush()


def _print_json(outputs: Sequence[CallOutput]) -> None:
    entries = (
        json.dumps({"call": output.call, "text": b"".join(_read(output)).decode("utf-8", "replace")})
        for output in outputs
    )
    click.echo("[", nl=False)
    for index, entry in enumerate(entries):  # one by one: all of it may be more than memory holds
        click.echo(f"{',' if index else ''}\n  {entry}", nl=False)
    click.echo("\n]" if outputs else "]")


def _read(output: CallOutput) -> Iterator[bytes]:
    try:
        yield from output.chunks()
    except OSError as error:
        raise LithopsError(
            f"cannot read what call {output.call} wrote: {error.strerror}: {str(output.path)!r}; "
            f"another 'lithops clean' may have removed it"
        ) from error
