"""What jobs have used, and what it costs by the prices of the backend."""

from __future__ import annotations

import pytest

import lithops
from lithops.errors import BadCallError

from .conftest import Make

DEADLINE_S = 100


def test_a_summary_has_a_row_for_each_job_and_one_for_all(make: Make) -> None:
    fexec = make(price_per_million_requests=1e6, price_per_gb_s=0.0, runtime_memory=1024)
    fexec.get_result(fexec.map(lambda x: x, range(10), chunksize=5), timeout=DEADLINE_S)
    fexec.call_async(abs, -1).result(timeout=DEADLINE_S)
    first, second, together = fexec.job_summary()
    assert [(row["calls"], row["activations"], row["cost"]) for row in (first, second, together)] == [
        (10, 2, 2.0),
        (1, 1, 1.0),
        (11, 3, 3.0),
    ]
    assert together["job_key"] == "all"
    assert (first["currency"], first["prices_of"]) == ("USD", "2026-11-01")
    assert first["gb_s"] == pytest.approx(first["billed_s"])
    assert first["billed_s"] > 0


@pytest.mark.parametrize("lane", ["response", "storage"])
def test_seconds_are_those_that_calls_have_taken(make: Make, lane: str) -> None:
    def nap(x: int) -> None:
        import time

        time.sleep(0.3)

    fexec = make(monitoring=lane)
    fexec.get_result(fexec.map(nap, range(4)), timeout=DEADLINE_S)
    (row,) = fexec.job_summary()
    assert row["seconds"] >= 1.2
    assert row["billed_s"] >= 1.2
    assert row["done"] == 4


def test_an_estimate_is_made_before_anything_runs(make: Make) -> None:
    fexec = make(price_per_million_requests=1e6, price_per_gb_s=1.0, runtime_memory=2048)
    cost = fexec.estimate(10, call_s=0.5)
    assert cost is not None
    assert cost.parts == {"requests": 10.0, "memory": 10.0}
    fewer = fexec.estimate(10, call_s=0.5, chunksize=4)
    assert fewer is not None
    assert fewer.amount == 13.0
    assert fexec.total_jobs == 0


def test_where_nothing_is_paid_there_is_no_cost() -> None:
    with lithops.FunctionExecutor(worker_processes=1) as fexec:
        fexec.get_result(fexec.map(abs, range(3)))
        (row,) = fexec.job_summary()
        assert (row["calls"], row["done"], row["cost"], row["prices_of"]) == (3, 3, None, None)
        assert fexec.estimate(10, call_s=1.0) is None
        with pytest.raises(BadCallError, match="calls must be"):
            fexec.estimate(0, call_s=1.0)
