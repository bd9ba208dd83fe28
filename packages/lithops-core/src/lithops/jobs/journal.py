"""What a process needs to know to go on with jobs of an executor that has ended, written while they run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lithops.jobs.job import Job, JobFacts
from lithops.jobs.retry import RetryPolicy
from lithops.jobs.table import JobTable
from lithops.records import field, record
from lithops.types import Activation, CallRange, Lane, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lithops.jobs.notes import Line


class Journal:
    """Of the jobs of one executor whose results come through the store."""

    def __init__(self, tell: Callable[[Line], None]) -> None:
        self._tell = tell

    def began(self, job: Job, secret: bytes) -> None:
        """Write down a job; its reports are signed with `secret`."""
        facts = job.facts
        self._tell(
            {
                "job": facts.job_id,
                "function": facts.function_name,
                "calls": job.table.calls,
                "is_map": facts.is_map,
                "timeout_s": facts.timeout_s,
                "created": facts.created,
                "secret": secret.hex(),
            }
        )

    def accepted(self, receipt: Receipt, activations: Iterable[Activation]) -> None:
        """Write down what the platform has taken."""
        now, wall = time.monotonic(), time.time()
        self._tell(
            {
                "receipt": [receipt.backend_ref, receipt.index_base, receipt.activation_ids],
                "activations": [
                    [
                        activation.activation_id,
                        activation.job_key.rpartition("-")[2],
                        round(wall + activation.deadline - now, 3),
                        [(part.first, part.count, part.attempt) for part in activation.ranges],
                    ]
                    for activation in activations
                ],
            }
        )


@record
class JournalledJob:
    """A job as the journal tells of it."""

    job_id: str
    function_name: str
    calls: int
    is_map: bool
    timeout_s: float
    created: float
    secret: bytes = field(repr=False)
    activations: Mapping[str, tuple[Activation, Receipt]] = field(default_factory=dict, repr=False)
    """Those that may still be heard of, by their ids."""

    def revived(self, executor_id: str, backend: str, memory_mb: int | None, parallel: int | None) -> Job:
        """Return the job again, with nothing ended; its inputs went with the driver, so no call is tried again."""
        facts = JobFacts(
            executor_id=executor_id,
            job_id=self.job_id,
            function_name=self.function_name,
            backend=backend,
            runtime_name="",
            runtime_memory=memory_mb,
            timeout_s=self.timeout_s,
            retry=RetryPolicy(retries=0),
            created=self.created,
            is_map=self.is_map,
            parallel=parallel,
            lane=Lane.STORAGE,
        )
        job = Job(facts, JobTable(self.calls), None)
        job.submitted = self.created
        return job


def journalled(executor_id: str, lines: Sequence[Line]) -> list[JournalledJob]:
    """Return the jobs that a note tells of. Raises `ValueError` if it cannot be read."""
    try:
        open_: dict[str, dict[str, tuple[Activation, Receipt]]] = {}
        for line in lines:
            if "receipt" in line:
                _read_receipt(executor_id, line, open_)
        return [
            JournalledJob(
                job_id=line["job"],
                function_name=line["function"],
                calls=line["calls"],
                is_map=line["is_map"],
                timeout_s=line["timeout_s"],
                created=line["created"],
                secret=bytes.fromhex(line["secret"]),
                activations=_latest(open_.get(line["job"], {})),
            )
            for line in lines
            if "job" in line
        ]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"the journal of executor {executor_id!r} cannot be read: {error!r}") from error


def _read_receipt(executor_id: str, line: Line, into: dict[str, dict[str, tuple[Activation, Receipt]]]) -> None:
    ref, base, names = line["receipt"]
    receipt = Receipt(activation_ids=tuple(names), backend_ref=ref, index_base=base)
    offset = time.monotonic() - time.time()
    for name, job_id, until, ranges in line["activations"]:
        activation = Activation(
            activation_id=name,
            job_key=f"{executor_id}-{job_id}",
            ranges=tuple(CallRange(first=first, count=count, attempt=attempt) for first, count, attempt in ranges),
            lane=Lane.STORAGE,
            timeout_s=0.0,
            deadline=until + offset,
        )
        into.setdefault(job_id, {})[name] = activation, receipt


def _latest(activations: Mapping[str, tuple[Activation, Receipt]]) -> dict[str, tuple[Activation, Receipt]]:
    """Leave out activations that others were made for: all their calls were tried again later."""
    last: dict[int, str] = {}
    for name, (activation, _) in activations.items():
        for part in activation.ranges:
            last.update(dict.fromkeys(range(part.first, part.first + part.count), name))
    wanted = set(last.values())
    return {name: entry for name, entry in activations.items() if name in wanted}
