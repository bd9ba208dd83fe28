"""Everything goes wrong now and then, at both services and for thousands of calls, and every result is right."""

from __future__ import annotations

from pathlib import Path

import pytest

import lithops
from lithops_testing import FaasDouble, StoreDouble

CALLS = 2000
DEADLINE_S = 900
OF_THE_SERVICE = (
    *("throttle", "lost_answer", "crash_before", "crash_after", "reclaim", "duplicate", "truncated_body", "slow_body"),
    *("latency", "error_500", "error_503"),
)
OF_THE_STORE = ("slow_down", "error_500", "lost_answer", "truncated_body", "latency")


@pytest.mark.parametrize("lane", ["response", "storage"])
def test_every_result_is_right_whatever_happens(
    faas_double: FaasDouble, store_double: StoreDouble, lane: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    limits = dict.fromkeys(("request_bytes", "event_bytes", "response_bytes"), 100_000)
    config = {
        "lithops": {
            "backend": "faas_double",
            "storage": "store_double",
            "monitoring": lane,
            "monitoring_interval": 0.05,
            "infrastructure_retries": 30,
        },
        "faas_double": {**faas_double.config, **limits, "environment": store_double.identity, "max_workers": 8},
        "store_double": store_double.config,
    }
    faas_double.inject(**{name: {"probability": 0.05, "seconds": 0.05} for name in OF_THE_SERVICE})
    store_double.inject(**{name: {"probability": 0.05, "seconds": 0.05} for name in OF_THE_STORE})
    with lithops.FunctionExecutor(config=config) as fexec:
        futures = fexec.map(lambda x: 2 * x, range(CALLS))
        assert fexec.get_result(futures, timeout=DEADLINE_S) == [2 * x for x in range(CALLS)]
        large = fexec.map(lambda data: data + data, [bytes([k]) * 200_000 for k in range(20)])
        assert fexec.get_result(large, timeout=DEADLINE_S) == [bytes([k]) * 400_000 for k in range(20)]
    met = faas_double.counters()["faults"]
    assert min(met.get(name, 0) for name in OF_THE_SERVICE) > CALLS // 40
