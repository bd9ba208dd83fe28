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


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CARRIER", "pigeon", "'auto', 'local' or 'redis', found 'pigeon'"),
        ("LITHOPS_CONFIG", "config.yaml", "a configuration as a dict of sections, found 'config.yaml'"),
        ("STREAM_STDOUT", "yes", "True or False, found 'yes'"),
        ("REDIS_EXPIRY_TIME", 5, "a number of seconds, at least 60, found 5"),
        ("REDIS_EXPIRY_TIME", "1h", "a number of seconds, at least 60, found '1h'"),
        ("ENV_VARS", {"COUNT": 1}, "a dict of names and values that are text, found {'COUNT': 1}"),
    ],
)
def test_value_that_a_parameter_cannot_have_is_refused(
    name: str, value: object, expected: str, parameters: Any
) -> None:
    before = parameters.get_parameter(name)
    with pytest.raises(ConfigError) as refused:
        parameters.set_parameter(name, value)
    assert str(refused.value) == f"the parameter {name} must be {expected}"
    assert parameters.get_parameter(name) == before


def test_redis_has_to_be_configured(parameters: Any) -> None:
    parameters.set_parameter("CARRIER", "redis")
    with pytest.raises(ConfigError, match="the configuration has no section 'redis'"):
        open_carrier()


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("redis:", ": section 'redis': it does not say where Redis is; write 'host:' with its name or address"),
        ("redis: {port: 1}", "section 'redis': it does not say where Redis is"),
        ("redis:\n  host: here\n  hots: there", "line 3: unknown key 'hots' in section 'redis'; did you mean 'host'?"),
        ("redis: {host: here, port: many}", "redis.port is 'many'; it must be an integer from 1 to 65535"),
        ("redis: {host: here, ssl: maybe}", "redis.ssl is 'maybe'; it must be true or false"),
        (
            "redis: {host: here, socket_connect_timeout: 0}",
            "redis.socket_connect_timeout is 0; it must be a number above 0",
        ),
    ],
)
def test_section_that_makes_no_sense_is_refused(
    written: str, message: str, parameters: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(written)
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", str(file))
    parameters.set_parameter("CARRIER", "redis")
    with pytest.raises(ConfigError) as refused:
        open_carrier()
    assert message in str(refused.value)
    assert str(file) in str(refused.value)


def test_section_is_not_said_to_be_unchecked(parameters: Any) -> None:
    parameters.set_parameter("LITHOPS_CONFIG", {"redis": {"host": "here"}})
    assert config.settings().notes == ()


def test_import_loads_next_to_nothing() -> None:
    code = (
        "import sys, lithops.multiprocessing; "
        "print([n for n in ('multiprocessing', 'pydantic', 'redis') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
