"""What users do, with the reference backends at both doubles, and with the store failing now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops import errors
from lithops_testing import FaasDouble, StoreDouble

Make = Callable[..., lithops.FunctionExecutor]

DEADLINE_S = 60
INTERVAL_S = 0.05
LANES = ("response", "storage")
FAULTS: dict[str, dict[str, Any]] = {
    "slow_down": {"probability": 0.05},
    "error_500": {"probability": 0.05},
    "lost_answer": {"probability": 0.05},
    "truncated_body": {"probability": 0.05},
    "latency": {"probability": 0.05, "seconds": 0.05},
}
"""Those that pass; `denied` does not, and is told at once."""


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    log = logging.getLogger("lithops")  # which the configuration silences; other tests listen to it
    for attribute in ("level", "handlers", "propagate"):
        monkeypatch.setattr(log, attribute, getattr(log, attribute))


@pytest.fixture
def make(faas_double: FaasDouble, store_double: StoreDouble) -> Iterator[Make]:
    """Make executors on both services; keywords go into the section of the function service."""
    made: list[lithops.FunctionExecutor] = []

    def make(monitoring: str, retries: int = 5, **section: Any) -> lithops.FunctionExecutor:
        general = {
            "backend": "faas_double",
            "storage": "store_double",
            "log_level": None,
            "infrastructure_retries": retries,
        }
        config = {
            "lithops": {
                **general,
                "infrastructure_retries": retries,
                "monitoring": monitoring,
                "monitoring_interval": INTERVAL_S,
            },
            "faas_double": {
                **faas_double.config,
                "environment": store_double.identity,
                "max_workers": 4,
                **dict.fromkeys(("request_bytes", "event_bytes", "response_bytes"), 200_000),
                **section,
            },
            "store_double": store_double.config,
        }
        made.append(lithops.FunctionExecutor(config=config))
        return made[-1]

    yield make
    for fexec in made:
        fexec.close()


def twice(data: bytes) -> bytes:
    return data + data


def sized(count: int) -> list[bytes]:
    """Return inputs of which every fourth is too large for a request."""
    return [bytes([n % 251]) * (250_000 if n % 4 == 0 else 10) for n in range(count)]


@pytest.mark.parametrize("lane", LANES)
def test_large_inputs_and_results_go_through_the_store(make: Make, store_double: StoreDouble, lane: str) -> None:
    fexec, items = make(lane), sized(16)
    assert fexec.get_result(fexec.map(twice, items), timeout=DEADLINE_S) == [item + item for item in items]
    kinds = [key.split("/")[2] for key in store_double.keys_in()]
    assert (kinds.count("inputs"), kinds.count("results")) == (4, 4)
    assert kinds.count("reports") == (16 if lane == "storage" else 0)


@pytest.mark.parametrize("lane", LANES)
def test_every_fault_of_the_store_that_passes_is_made_up_for(make: Make, store_double: StoreDouble, lane: str) -> None:
    fexec, items = make(lane), sized(80)
    store_double.inject(**{name: {**fault, "next": 1} for name, fault in FAULTS.items()})
    assert fexec.get_result(fexec.map(twice, items), timeout=DEADLINE_S) == [item + item for item in items]
    assert store_double.counters()["faults"].keys() == FAULTS.keys()
    store_double.inject()


@pytest.mark.parametrize("lane", LANES)
def test_a_store_that_is_away_for_a_while_is_waited_for(
    make: Make, store_double: StoreDouble, tmp_path: Path, lane: str
) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"

    def wait_for_gate(data: bytes) -> bytes:
        import os
        import time

        open(begun, "w").close()
        while not os.path.exists(gate):
            time.sleep(0.01)
        return data + data

    fexec, items = make(lane), sized(12)
    futures = fexec.map(wait_for_gate, items)
    deadline = time.monotonic() + DEADLINE_S
    while not begun.exists():
        assert time.monotonic() < deadline
    store_double.outage(3)
    gate.touch()  # calls are run, and their results are to be put where nobody listens
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [item + item for item in items]


@pytest.mark.parametrize("lane", LANES)
def test_objects_that_are_not_visible_at_once_are_waited_for(make: Make, store_double: StoreDouble, lane: str) -> None:
    store_double.configure(visible_after_s=0.3)
    fexec, items = make(lane), sized(12)
    futures = fexec.map(twice, items)
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [item + item for item in items]
    assert {len(future.attempts) for future in futures} == {1}


def test_a_store_that_denies_is_told_at_once(make: Make, store_double: StoreDouble) -> None:
    fexec = make("storage")
    store_double.inject(denied={"next": 1})
    with pytest.raises(errors.AccessDenied, match="does not allow it") as caught:
        fexec.call_async(len, b"").result(timeout=DEADLINE_S)
    assert store_double.token.get_secret_value() not in str(caught.value)


def test_workers_without_an_identity_are_told_what_they_lack(make: Make) -> None:
    fexec = make("response", retries=1, environment={})
    with pytest.raises(errors.StorageError, match="STORE_DOUBLE_TOKEN_FILE"):
        fexec.call_async(len, b"x" * 300_000).result(timeout=DEADLINE_S)


def test_small_calls_cost_the_storage_lane_one_put_and_one_get_each(
    make: Make, faas_double: FaasDouble, store_double: StoreDouble
) -> None:
    fexec, began = make("storage"), time.monotonic()
    assert fexec.get_result(fexec.map(abs, range(-100, 0)), timeout=DEADLINE_S) == list(range(100, 0, -1))
    took_s = time.monotonic() - began
    counted = store_double.counters()["by_kind"]
    looks, reads = counted.pop("list"), counted.pop("get")
    assert counted == {"put": 1, "put_if_absent": 100}  # the function, and a report of each activation
    assert 100 < reads <= 100 + faas_double.counters()["cold_starts"]  # the reports, and the function where it runs
    assert looks <= took_s / INTERVAL_S + 1


def test_small_calls_cost_the_response_lane_nothing(make: Make, store_double: StoreDouble) -> None:
    fexec = make("response")
    assert fexec.get_result(fexec.map(abs, range(-100, 0)), timeout=DEADLINE_S) == list(range(100, 0, -1))
    assert store_double.counters()["requests"] == 0
