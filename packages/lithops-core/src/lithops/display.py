"""What a notebook shows of futures, lists of them and executors: how many calls, how far, how long.

Nothing here waits, loads a result or makes the futures of a list that nobody has touched. All text is escaped.
"""

from __future__ import annotations

import time
from html import escape
from operator import sub
from typing import TYPE_CHECKING

from lithops.records import record
from lithops.types import CallState
from lithops.worker.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lithops.future import ResponseFuture
    from lithops.futures import FuturesList
    from lithops.jobs.job import Job

_JOBS = 8
"""So many of an executor's jobs are shown, the latest."""
_LONGEST = 300
"""Characters of an error's message."""
_GREEN, _RED, _GREY = "#2e9e5b", "#d64545", "#8884"
_BAR = "display:flex;width:16em;height:.6em;margin:.3em 0;border-radius:.3em;overflow:hidden"


@record
class Tally:
    """How far some calls are."""

    calls: int
    done: int
    failed: int
    waited_s: float
    """From the submission to the last end, or until now."""
    busy_s: float
    """What the calls that have ended took, in all."""

    def __str__(self) -> str:
        over = self.done + self.failed
        parts = [
            f"{self.calls:,} {'call' if self.calls == 1 else 'calls'}",
            f"{self.done:,} done",
            f"{self.failed:,} failed" if self.failed else "",
            f"{self.calls - over:,} to go" if over < self.calls else "",
            f"{_duration(self.waited_s)} in all" if self.calls else "",
            f"{_duration(self.busy_s / over)} per call" if over else "",
        ]
        return ", ".join(part for part in parts if part)


def list_text(futures: FuturesList) -> str:
    """Return a line about a list of futures."""
    return f"<FuturesList of {_title(_jobs(futures))}: {_tally(futures)}>"


def list_html(futures: FuturesList) -> str:
    """Return a bar and a line about a list of futures."""
    jobs = _jobs(futures)
    return _card(_title(jobs), jobs[0].key if len(jobs) == 1 else "", [_progress(_tally(futures))])


def future_html(future: ResponseFuture) -> str:
    """Return who a future is, how its call is, and what it raised."""
    table, row = future._job.table, future._row
    lines = [escape(future.state)]
    if table.is_over(row):
        lines[0] += f" after {_duration(table.ended[row] - table.started[row])}"
        lines[0] += escape(f" on worker {future.activation_id}") if future.activation_id else ""
    if table.state[row] > CallState.DONE:
        why = table.failure(row)
        kind, message = (why.type_name, why.message) if isinstance(why, Failure) else (type(why).__name__, _said(why))
        lines.append(f'<span style="color:{_RED}">{escape(f"{kind}: {message}"[:_LONGEST])}</span>')
    return _card(f"call {future.call_id} of {future.function_name}", future.job_key, lines)


def executor_html(name: str, backend: str, closed: bool, jobs: Sequence[Job]) -> str:
    """Return where an executor runs calls, and how its latest jobs are."""
    lines = [f"{len(jobs):,} {'job' if len(jobs) == 1 else 'jobs'} on {escape(backend)}{', closed' if closed else ''}"]
    lines += [f"{escape(_title([job]))} {_progress(_tally_of(job))}" for job in jobs[-_JOBS:]]
    return _card("executor", name, lines)


def _jobs(futures: FuturesList) -> list[Job]:
    if futures.job is not None:
        return [futures.job]
    return list({id(future._job): future._job for future in futures}.values())


def _title(jobs: Sequence[Job]) -> str:
    names = list(dict.fromkeys(job.facts.function_name for job in jobs))
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "") if names else "nothing"


def _tally(futures: FuturesList) -> Tally:
    if futures.job is not None:
        return _tally_of(futures.job)
    rows = [(future._job, future._row) for future in futures]
    over = [(job.table, row) for job, row in rows if job.table.is_over(row)]
    failed = sum(table.state[row] != CallState.DONE for table, row in over)
    return Tally(
        calls=len(rows),
        done=len(over) - failed,
        failed=failed,
        waited_s=_waited_s(
            (job.submitted for job, _ in rows), (t.ended[row] for t, row in over), len(over) == len(rows)
        ),
        busy_s=sum(table.ended[row] - table.started[row] for table, row in over),
    )


def _tally_of(job: Job) -> Tally:
    table = job.table
    return Tally(
        calls=table.calls,
        done=table.over - table.failed,
        failed=table.failed,
        waited_s=_waited_s([job.submitted], table.ended, table.complete),
        busy_s=sum(map(sub, table.ended, table.started)),  # both are 0 for calls that have not ended
    )


def _waited_s(submitted: Iterable[float], ended: Iterable[float], complete: bool) -> float:
    last = max(ended, default=0.0) if complete else time.time()
    return max(0.0, last - min(submitted, default=last))


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - user code
        return "<its message cannot be made>"


def _progress(tally: Tally) -> str:
    parts = ((tally.done, _GREEN), (tally.failed, _RED), (tally.calls - tally.done - tally.failed, _GREY))
    bar = "".join(f'<div style="flex:{share};background:{color}"></div>' for share, color in parts if share)
    return f'<div style="{_BAR}">{bar}</div><div>{escape(str(tally))}</div>'


def _card(title: str, name: str, lines: Sequence[str]) -> str:
    """Wrap up lines that are HTML already, under a title that is not."""
    head = f"<b>{escape(title)}</b> <small>{escape(name)}</small>"
    return f"<div>{head}{''.join(f'<div>{line}</div>' for line in lines)}</div>"
