"""What users do, with the reference backend for arrays at the double, and with everything going wrong now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import lithops
from lithops.errors import MemoryLimitError
from lithops_testing import ArrayContract, FaasDouble, PluginContract
from lithops_testing.backends.arrays.plugin import ArrayDouble

DEADLINE_S = 120
Make = Callable[..., lithops.FunctionExecutor]


class TestPlugin(PluginContract):
    plugin_class = ArrayDouble

    @pytest.fixture(autouse=True)
    def _installed(self, array_double: FaasDouble) -> None:
        """Have its entry point found."""


class TestArrays(ArrayContract):
    backend = "array_double"

    @pytest.fixture
    def section(self, array_double: FaasDouble) -> Mapping[str, object]:
        return array_double.config


@pytest.fixture
def make(array_double: FaasDouble) -> Iterator[Make]:
    made: list[lithops.FunctionExecutor] = []

    def make(retries: int = 5, **section: Any) -> lithops.FunctionExecutor:
        config = {
            "lithops": {"backend": "array_double", "infrastructure_retries": retries, "monitoring_interval": 0.03},
            "array_double": {**array_double.config, **section},
        }
        made.append(lithops.FunctionExecutor(config=config))
        return made[-1]

    yield make
    for fexec in made:
        fexec.close()


def test_more_calls_than_an_array_has_room_for_are_several_arrays(make: Make, array_double: FaasDouble) -> None:
    fexec = make(array_size=7)
    before = array_double.counters()["requests"]
    assert fexec.get_result(fexec.map(lambda x: x * x, range(20)), timeout=DEADLINE_S) == [x * x for x in range(20)]
    states = [len(array_double.ask("GET", f"/arrays/{name}")["states"]) for name in names(fexec, 0, 7, 14)]
    assert states == [7, 7, 6]
    assert array_double.counters()["requests"] >= before + 3


def names(fexec: lithops.FunctionExecutor, *numbers: int) -> list[str]:
    return [f"{fexec._session._invoker._launcher._token}-{number}" for number in numbers]


@pytest.mark.parametrize("fault", ["crash_before", "crash_after", "reclaim", "cold_start"])
def test_what_happens_to_some_environments_is_made_up_for(make: Make, array_double: FaasDouble, fault: str) -> None:
    fexec = make()
    array_double.inject(**{fault: {"next": 3, "seconds": 0.01}})
    assert fexec.get_result(fexec.map(lambda x: -x, range(8)), timeout=DEADLINE_S) == [-x for x in range(8)]
    assert array_double.counters()["faults"][fault] == 3


@pytest.mark.parametrize("fault", ["throttle", "lost_answer", "error_503", "error_500"])
def test_what_happens_to_the_request_is_made_up_for(make: Make, array_double: FaasDouble, fault: str) -> None:
    fexec = make()
    array_double.inject(**{fault: {"next": 1, "seconds": 0.01}})
    assert fexec.get_result(fexec.map(lambda x: -x, range(4)), timeout=DEADLINE_S) == [-x for x in range(4)]


def test_an_environment_that_takes_too_much_memory_fails_its_call(make: Make, array_double: FaasDouble) -> None:
    fexec = make()
    array_double.inject(memory={"next": 2})  # the request is asked as well
    found = fexec.get_result(fexec.map(lambda x: x, range(3)), throw_except=False, timeout=DEADLINE_S)
    assert sorted(type(value).__name__ for value in found) == [MemoryLimitError.__name__, "int", "int"]


def test_states_that_are_old_do_no_harm(make: Make, array_double: FaasDouble) -> None:
    array_double.configure(state_lag_s=1.0)
    fexec = make()
    array_double.inject(reclaim={"next": 2})
    assert fexec.get_result(fexec.map(lambda x: x + 1, range(4)), timeout=DEADLINE_S) == [1, 2, 3, 4]


def test_orders_that_somebody_has_changed_are_not_run(make: Make, array_double: FaasDouble) -> None:
    array_double.configure(array_slots=1, cold_start_s=0.3)
    fexec = make(retries=2)
    futures = fexec.map(lambda x: x, range(3))
    storage = fexec.storage
    (key,) = (key for key in storage.list_keys(storage.bucket) if "/orders/" in key)
    data = storage.get_object(storage.bucket, key)
    storage.put_object(storage.bucket, key, data[:50] + b"?" + data[51:])
    assert fexec.get_result(futures, timeout=DEADLINE_S) == [0, 1, 2]
    assert futures[0].stats["attempt"] == 2
