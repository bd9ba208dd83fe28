"""`lithops job`: jobs whose results come through storage, which outlive the program that started them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lithops.cli.groups import AdvisingGroup
from lithops.cli.options import debug_option, json_option
from lithops.cli.show import show_json, show_table
from lithops.errors import LithopsError

if TYPE_CHECKING:
    from lithops.futures import FuturesList

LONGEST_SHOWN = 100
"""Characters of a result that are shown."""

config_option = click.option("-c", "--config", "config_file", metavar="FILE", help="Configuration file to read.")


@click.group("job", cls=AdvisingGroup)
def command() -> None:
    """Show, collect or cancel jobs that outlive their driver.

    These are jobs whose results come through storage (`monitoring: storage`, or a backend that does not answer with
    results). A job of a program that still runs is shown, but only that program can collect or cancel it.
    """


@command.command("list", short_help="List jobs that can be attached to.")
@json_option
@debug_option
def list_jobs(as_json: bool) -> None:
    """List the jobs of this user on this machine that can be attached to, or whose program still runs."""
    from datetime import datetime

    from lithops.config import state_dir
    from lithops.jobs import notes
    from lithops.jobs.journal import journalled

    rows: list[dict[str, Any]] = []
    for path in notes.found(state_dir()):
        lines = notes.read(path)
        owner = notes.take(path)
        if owner is not None:
            owner.close()
        for job in journalled(path.name, lines):
            rows.append(
                {
                    "job_key": f"{path.name}-{job.job_id}",
                    "function": job.function_name,
                    "calls": job.calls,
                    "backend": lines[0].get("backend", ""),
                    "created": datetime.fromtimestamp(job.created).astimezone().isoformat(sep=" ", timespec="seconds"),
                    "driver": "ended" if owner is not None else "runs",
                }
            )
    if as_json:
        show_json(rows)
    elif rows:
        headers = ("job", "function", "calls", "backend", "created", "driver")
        show_table(headers, [tuple(str(value) for value in row.values()) for row in rows])
    else:
        click.echo("no job can be attached to")


@command.command("show", short_help="Say how far a job has come.")
@click.argument("key")
@config_option
@json_option
@debug_option
def show(key: str, config_file: str | None, as_json: bool) -> None:
    """Say how far a job has come; KEY is that of a job, or of an executor for all its jobs. Collects nothing."""
    from lithops.attaching import find
    from lithops.config import state_dir
    from lithops.lanes.progress import progress_of

    path, jobs = find(state_dir(), key)
    rows = [
        {"job_key": f"{path.name}-{job.job_id}", "function": job.function_name, **progress_of(path, job)}
        for job in jobs
    ]
    if as_json:
        show_json(rows)
        return
    headers = ("job", "function", "calls", "handed over", "reported")
    show_table(headers, [tuple(str(value) for value in row.values()) for row in rows])


@command.command("attach", short_help="Collect the results of a job whose program has ended.")
@click.argument("key")
@config_option
@click.option(
    "-o", "--output", metavar="FILE", help="Write the results there, as a pickled list; errors in their places."
)
@json_option
@debug_option
@click.pass_context
def attach(context: click.Context, key: str, config_file: str | None, output: str | None, as_json: bool) -> None:
    """Wait for a job whose program has ended, and collect its results.

    Ctrl-C stops the waiting and leaves the job as it is. Exit code 1 if a call failed.
    """
    import lithops
    from lithops.attaching import attach as attach_to

    futures = attach_to(key, config_file=config_file)
    lithops.wait(futures, throw_except=False)
    results = lithops.get_result(futures, throw_except=False, show_progressbar=False)
    if output is not None:
        _write(output, results)
    failed = sum(future.error for future in futures)
    if as_json:
        show_json(
            [{"call": f.call_id, "state": f.state, "result": _shown(r)} for f, r in zip(futures, results, strict=True)]
        )
    else:
        for future, result in zip(futures, results, strict=True):
            click.echo(f"{future.job_key}-{future.call_id}  {future.state}  {_shown(result)}")
        click.echo(f"{len(futures)} calls, {failed} failed", err=True)
    _close(futures)
    if failed:
        context.exit(1)


@command.command("cancel", short_help="End a job whose program has ended.")
@click.argument("key")
@config_option
@debug_option
def cancel(key: str, config_file: str | None) -> None:
    """End what still runs of a job whose program has ended, and let go of its results."""
    from lithops.attaching import attach as attach_to

    futures = attach_to(key, config_file=config_file)
    stopped = sum(future.cancel() for future in futures)
    click.echo(f"{stopped} of {len(futures)} calls were cancelled")
    _close(futures)


def _write(output: str, results: list[Any]) -> None:
    import cloudpickle

    try:
        with open(output, "wb") as file:  # noqa: PTH123 - pathlib would add nothing
            cloudpickle.dump(results, file)
    except OSError as error:
        raise LithopsError(f"cannot write {output!r}: {error.strerror}; nothing was removed, attach again") from error


def _shown(result: object) -> str:
    import reprlib

    shortened = reprlib.Repr()
    shortened.maxstring = shortened.maxother = LONGEST_SHOWN
    return shortened.repr(result)


def _close(futures: FuturesList) -> None:
    executor = futures.executor
    assert executor is not None, "who attaches has one"
    executor.close()  # type: ignore[attr-defined]  # an executor, not only what chains
