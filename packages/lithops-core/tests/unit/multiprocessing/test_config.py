"""Names, contexts and parameters."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from typing import Any

import pytest

import lithops.multiprocessing as mp
from lithops.errors import ConfigError
from lithops.multiprocessing import config
from lithops.multiprocessing.choice import open_carrier

pytestmark = pytest.mark.parametrize("carrier", ["local"], indirect=True)


@pytest.fixture
def parameters() -> Any:
    before = dict(config._values)
    yield config
    config.update(before)


def test_all_names_of_the_standard_library_are_there() -> None:
    assert set(multiprocessing.__all__) - {"reducer"} <= set(mp.__all__)
    for name in mp.__all__:
        assert getattr(mp, name) is not None
    assert set(mp.__all__) <= set(dir(mp))
    with pytest.raises(AttributeError, match="has no attribute 'Quue'"):
        mp.Quue  # noqa: B018


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("context", "call get_context"),
        ("dummy", "import multiprocessing.dummy"),
        ("reduction", "the standard library's is multiprocessing.reduction"),
        ("resource_tracker", "the standard library's is multiprocessing.resource_tracker"),
        (
            "shared_memory",
            "use Array, Value or a Manager, or, on one machine only, import multiprocessing.shared_memory",
        ),
        ("util", "import multiprocessing.util"),
    ],
)
def test_what_only_the_standard_library_has_is_pointed_to(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; .*{instead}"):
        mp.__getattr__(name)


@pytest.mark.parametrize("method", [None, "lithops", "fork", "spawn", "forkserver"])
def test_every_start_method_means_the_same(method: str | None) -> None:
    mp.set_start_method(method, force=True)
    context = mp.get_context(method)
    assert context.Process is mp.Process
    assert mp.get_start_method() == "lithops"
    assert mp.get_all_start_methods() == ["lithops"]


def test_unknown_start_method_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot find context for 'thread'"):
        mp.get_context("thread")


def test_parameters_are_set_and_read(parameters: Any) -> None:
    parameters.update({"STREAM_STDOUT": False})
    assert parameters.get_parameter("STREAM_STDOUT") is False
    for refused in (lambda: parameters.set_parameter("COLOUR", 1), lambda: parameters.get_parameter("COLOUR")):
        with pytest.raises(KeyError, match="has no parameter 'COLOUR'; there are CARRIER, ENV_VARS"):
            refused()


@pytest.mark.parametrize("name", ["EXPORT_EXECUTION_DETAILS", "PIPE_CONNECTION_TYPE"])
def test_parameters_of_existing_programs_are_taken(name: str, parameters: Any) -> None:
    parameters.set_parameter(name, "anything")
    assert parameters.get_parameter(name) == "anything"


def test_count_of_processors_is_the_configurations(parameters: Any) -> None:
    assert mp.cpu_count() == os.cpu_count()
    parameters.set_parameter("LITHOPS_CONFIG", {"localhost": {"worker_processes": 7}})
    assert mp.cpu_count() == 7


def test_unknown_carrier_is_refused(parameters: Any) -> None:
    parameters.set_parameter("CARRIER", "pigeon")
    with pytest.raises(ConfigError, match="CARRIER must be 'auto', 'local' or 'redis', found 'pigeon'"):
        open_carrier()


def test_redis_has_to_be_configured(parameters: Any) -> None:
    parameters.set_parameter("CARRIER", "redis")
    with pytest.raises(ConfigError, match="the configuration has no section 'redis'"):
        open_carrier()
    parameters.set_parameter("LITHOPS_CONFIG", {"redis": {"port": "many"}})
    with pytest.raises(ConfigError, match="section 'redis', key 'port': "):
        open_carrier()


def test_import_loads_next_to_nothing() -> None:
    code = (
        "import sys, lithops.multiprocessing; "
        "print([n for n in ('multiprocessing', 'pydantic', 'redis') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
