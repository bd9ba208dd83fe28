"""The statistics of a call under the key names users know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.jobs.attempts import STATES
from lithops.types import CallState
from lithops.worker.codec import Unloaded

if TYPE_CHECKING:
    from lithops.jobs.job import Job

_KIB = 1024
_UNSPENT = {
    "host_job_create_partitions_time": 0.0,
    "host_func_upload_time": 0.0,
    "host_data_upload_time": 0.0,
    "host_status_query_count": 0,
    "host_result_query_count": 0,
}
"""What goes over a stream is neither uploaded nor asked for; programs read these keys all the same."""


def stats_of(job: Job, row: int) -> dict[str, Any]:
    """Return what was measured of a call; worker keys are there once it has ended.

    CPU times and memory are those of the worker process during this very call; `worker_peak_memory_*` are the
    process's high-water mark before and after it, in bytes. `worker_func_cpu_usage` is its CPU time in percent of its
    duration, in a list of one.
    """
    table = job.table
    state = table.state[row]
    if state == _NEW:
        return {}
    common = job.common_stats or _common(job)
    if state == _SENT:
        return {**common, "state": "Invoked"}
    began, ended, reported = table.started[row], table.ended[row], table.reported[row]
    user, system = table.cpu_user[row], table.cpu_system[row]
    peak, grown = table.peak_kb[row] * _KIB, table.grown_kb[row] * _KIB
    seconds = ended - began
    failed = job.failed_attempts.get(row)
    stats = {
        **common,
        "state": STATES[state],
        "host_status_done_tstamp": reported,
        "host_result_done_tstamp": reported,
        "attempt": table.attempt[row] if failed is None else job.tried(row),
        "failed_attempts": [] if failed is None else [attempt.plain() for attempt in failed],
        "worker": table.worker_of(row),
        "worker_func_start_tstamp": began,
        "worker_func_end_tstamp": ended,
        "worker_func_exec_time": seconds,
        "worker_start_tstamp": began,
        "worker_end_tstamp": ended,
        "worker_exec_time": seconds,
        "worker_result_upload_time": 0.0,
        "worker_func_cpu_user_time": user,
        "worker_func_cpu_system_time": system,
        "worker_func_cpu_usage": [100 * (user + system) / seconds if seconds > 0 else 0.0],
        "worker_peak_memory_start": peak - grown,
        "worker_peak_memory_end": peak,
        "worker_func_rss": grown,
    }
    entry = table.results[row]
    if isinstance(entry, Unloaded):
        stats["func_result_size"] = entry.nbytes
    return stats


def _common(job: Job) -> dict[str, Any]:
    """Return what is the same for all calls of a job; made once it has been submitted."""
    facts = job.facts
    common = {
        "host_job_create_tstamp": facts.created,
        "host_job_serialize_time": facts.serialize_s,
        "func_data_size_bytes": facts.function_bytes,
        "host_submit_tstamp": job.submitted,
        **_UNSPENT,
        "host_job_created_time": job.submitted - facts.created,
        "lane": facts.lane.value,
    }
    if job.submitted:
        job.common_stats = common
    return common


_NEW, _SENT = int(CallState.NEW), int(CallState.SENT)
