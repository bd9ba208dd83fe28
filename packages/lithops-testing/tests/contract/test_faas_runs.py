"""What users do, with the reference backend at the double, and with everything going wrong now and then."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import lithops
from lithops_testing import FaasDouble, ServerlessRunsContract

pytestmark = pytest.mark.needs("module:lithops.serverless.http.engine")


class TestRuns(ServerlessRunsContract):
    backend = "faas_double"

    @pytest.fixture
    def section(self, faas_double: FaasDouble) -> Mapping[str, object]:
        return faas_double.config


class TestRunsThroughStorage(TestRuns):
    monitoring = "storage"


def test_calls_survive_what_happens_around_them(faas_double: FaasDouble) -> None:
    faults = ("throttle", "reclaim", "duplicate", "lost_answer", "truncated_body", "error_500", "error_503")
    faas_double.inject(**dict.fromkeys(faults, 0.05))
    faas_double.configure(concurrency=8)
    config = {"lithops": {"backend": "faas_double"}, "faas_double": {**faas_double.config, "max_workers": 8}}
    with lithops.FunctionExecutor(config=config) as fexec:
        found = fexec.get_result(fexec.map(lambda x: x * x, range(300)), timeout=120)
    assert found == [x * x for x in range(300)]
    counted = faas_double.counters()
    assert min(counted["faults"].get(name, 0) for name in faults) > 0
    assert counted["in_flight"] == 0


def test_calls_survive_what_happens_to_their_reports(faas_double: FaasDouble, faulty_reports: str) -> None:
    config = {
        "lithops": {"backend": "faas_double"},
        "faas_double": {**faas_double.config, "max_workers": 8},
        "faulty_reports": {"lost": 0.05, "duplicated": 0.05, "late": 0.05, "garbled": 0.05, "seed": 7},
    }
    with lithops.FunctionExecutor(config=config) as fexec:
        futures = fexec.map(lambda x: x * x, range(300))
        assert fexec.get_result(futures, timeout=120) == [x * x for x in range(300)]
        assert max(len(future.attempts) for future in futures) > 1
