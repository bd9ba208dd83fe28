"""What jobs have used and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.types import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lithops.jobs.job import Job
    from lithops.types import Cost

    Price = Callable[[Usage], Cost | None]


def summary_of(jobs: Iterable[Job], memory_mb: int | None, price: Price) -> list[dict[str, Any]]:
    """Return a row for each job, and one for all of them together if there are several.

    Columns: `job_key`, `function`, `calls`, `done`, `failed`, `seconds` (of all calls together), `activations`, `billed_s`,
    `memory_mb`, `gb_s`, `cost`, `currency` and `prices_of` (a date), of which the last three are None where the backend
    does not say what it costs.
    """
    rows = [_row(job, memory_mb, price) for job in jobs]
    return rows if len(rows) < 2 else [*rows, _total(rows)]


def _row(job: Job, memory_mb: int | None, price: Price) -> dict[str, Any]:
    table = job.table
    usage = Usage(activations=job.activations, billed_ms=round(job.billed_ms), memory_mb=memory_mb or 0)
    cost = price(usage)
    over = [row for row in range(table.calls) if table.is_over(row)]
    return {
        "job_key": job.key,
        "function": job.facts.function_name,
        "calls": table.calls,
        "done": table.over - table.failed,
        "failed": table.failed,
        "seconds": sum(table.ended[row] - table.started[row] for row in over),
        "activations": job.activations,
        "billed_s": usage.billed_ms / 1000,
        "memory_mb": memory_mb,
        "gb_s": usage.gb_s,
        "cost": None if cost is None else cost.amount,
        "currency": None if cost is None else cost.currency,
        "prices_of": None if cost is None else cost.as_of,
    }


def _total(rows: list[dict[str, Any]]) -> dict[str, Any]:
    added = ("calls", "done", "failed", "seconds", "activations", "billed_s", "gb_s")
    costs = [row["cost"] for row in rows]
    return {
        **rows[0],
        "job_key": "all",
        "function": "",
        **{name: sum(row[name] for row in rows) for name in added},
        "cost": None if None in costs else sum(costs),
    }
