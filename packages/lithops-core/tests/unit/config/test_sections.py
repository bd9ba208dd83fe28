"""Tests of configuration: sections."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lithops.config import resolve
from lithops.errors import PluginError

from .conftest import compute, refused

if TYPE_CHECKING:
    from .conftest import Install, Write


def test_an_unknown_key_names_the_nearest_one_with_file_and_line(write: Write) -> None:
    path = write("lithops:\n  backend: localhost\nlocalhost:\n  worker_proceses: 3\n")

    assert refused(config_file=path) == (
        f"{path}, line 4: unknown key 'worker_proceses' in section 'localhost'; did you mean 'worker_processes'?"
    )


def test_an_unknown_key_like_none_that_is_known_lists_them() -> None:
    message = refused(config={"localhost": {"zzz": 1}})

    assert message.startswith("the config argument: unknown key 'zzz' in section 'localhost'; known: max_workers, ")
    assert "storage_bucket" in message


def test_an_unknown_key_of_the_global_section_names_the_nearest_one(write: Write) -> None:
    path = write("lithops:\n  execution_timout: 3\n")

    assert refused(config_file=path) == (
        f"{path}, line 2: unknown key 'execution_timout' in section 'lithops'; did you mean 'execution_timeout'?"
    )


def test_a_key_in_the_wrong_section_is_told_the_right_one() -> None:
    assert refused(config={"localhost": {"retries": 1}}) == (
        "the config argument: unknown key 'retries' in section 'localhost'; 'retries' is a key of section 'lithops'"
    )
    assert refused(config={"lithops": {"runtime": "x"}}) == (
        "the config argument: unknown key 'runtime' in section 'lithops'; 'runtime' is a key of section 'localhost'"
    )


def test_an_unknown_keyword_names_the_nearest_key_of_the_backend() -> None:
    assert refused(overrides={"workers_processes": 3}) == (
        "unknown keyword argument 'workers_processes' for backend 'localhost'; did you mean 'worker_processes'?"
    )


def test_a_keyword_that_belongs_to_the_global_section_is_told_so() -> None:
    assert refused(overrides={"data_cleaner": False}) == (
        "unknown keyword argument 'data_cleaner' for backend 'localhost'; 'data_cleaner' is a key of section 'lithops'"
    )


def test_a_keyword_wins_over_the_file() -> None:
    settings = compute(config={"localhost": {"worker_processes": 2}}, overrides={"worker_processes": 5})

    assert settings.worker_processes == 5


@pytest.mark.parametrize(("name", "near"), [("localhots", "localhost"), ("Lithops", "lithops"), ("lithop", "lithops")])
def test_a_misspelt_section_names_the_nearest(name: str, near: str, write: Write) -> None:
    path = write(f"lithops: {{}}\n{name}: {{}}\n")

    assert refused(config_file=path) == f"{path}, line 2: unknown section {name!r}; did you mean {near!r}?"


def test_a_section_that_could_not_be_a_plugins_is_refused() -> None:
    assert refused(config={"My-Section": {}}) == (
        "the config argument: unknown section 'My-Section'; sections are named like plugins, in lower case with "
        "underscores: known: lithops, localhost, redis, serverless, standalone"
    )


def test_a_misspelt_provider_section_names_the_nearest(install: Install) -> None:
    install("harbour", "serverless", provider="acme")

    assert refused(backend="harbour", config={"amce": {}}) == (
        "the config argument: unknown section 'amce'; did you mean 'acme'?"
    )


def test_the_section_of_a_backend_that_is_not_installed_is_kept_with_a_note(write: Write) -> None:
    path = write("lithops:\n  retries: 1\nfar_away:\n  anything: [1]\n")

    settings = resolve(config_file=path)

    assert settings["far_away"]["anything"] == [1]
    assert settings.notes == (f"{path}, line 3: section 'far_away' was not checked, because no plugin in use reads it",)


def test_the_section_of_a_backend_that_is_not_installed_is_an_error_once_it_is_chosen(write: Write) -> None:
    path = write("lithops:\n  backend: far_away\nfar_away:\n  anything: [1]\n")

    with pytest.raises(PluginError) as caught:
        resolve(config_file=path)

    assert str(caught.value) == (
        f"{path}, line 2: unknown compute backend 'far_away' (installed: localhost); "
        f"pip install lithops-backend-far-away"
    )


def test_the_section_of_an_installed_backend_that_is_not_in_use_is_left_alone(install: Install) -> None:
    install("harbour", "serverless")

    settings = resolve(config={"harbour": {"wrong": 1}})

    assert settings.notes == ()
    assert settings["harbour"]["wrong"] == 1


def test_a_thorough_look_checks_what_is_not_in_use_too(install: Install) -> None:
    install("harbour", "serverless")

    assert refused(config={"harbour": {"wrong": 1}}, thorough=True) == (
        "the config argument: unknown key 'wrong' in section 'harbour'; there are none"
    )


def test_keys_without_sense_are_accepted_with_one_note_each() -> None:
    settings = resolve(
        config={"localhost": {"version": 2, "use_gpu": False, "storage_bucket": "b"}, "lithops": {"telemetry": True}},
        overrides={"max_workers": 1},
    )

    assert settings.notes == (
        "the config argument: lithops.telemetry has no effect: metrics come with a plugin; "
        "install one and remove the key",
        "the config argument: localhost.version has no effect: there is only one localhost backend; remove the key",
        "keyword argument max_workers has no effect: this machine is one worker; "
        "worker_processes says how many calls it runs",
    )


def test_one_section_may_serve_a_compute_and_a_storage_backend() -> None:
    settings = resolve(config={"localhost": {"worker_processes": 3, "storage_bucket": "mine"}})

    assert settings.compute.worker_processes == 3  # type: ignore[union-attr]
    assert settings.storage_config.storage_bucket == "mine"  # type: ignore[union-attr]
    assert dict(settings["localhost"]).items() >= {"worker_processes": 3, "storage_bucket": "mine"}.items()


def test_a_shared_section_may_hold_keys_of_a_plugin_that_is_not_in_use(install: Install) -> None:
    install("shed", "storage")

    settings = resolve(storage="shed", config={"localhost": {"worker_processes": 3, "storage_bucket": "mine"}})

    assert settings.compute.worker_processes == 3  # type: ignore[union-attr]


def test_a_provider_section_lies_under_those_of_its_plugins(install: Install) -> None:
    install("harbour", "serverless", provider="acme", keys="region: str\nkey: SecretStr\nquay: str = 'q'")
    install("shed", "storage", provider="acme", keys="region: str\ntenant: str = 't'")

    settings = resolve(
        config={
            "lithops": {"backend": "harbour"},
            "acme": {"region": "north", "key": "hunter2", "tenant": "us"},
            "harbour": {"region": "south"},
        }
    )

    assert settings["harbour"] == {"region": "south", "key": "hunter2", "quay": "q"}
    assert settings["shed"] == {"region": "north", "tenant": "us"}
    assert settings["acme"]["region"] == "north"
    assert "hunter2" not in repr(settings)


def test_a_key_of_a_provider_section_that_no_plugin_knows_is_an_error(install: Install, write: Write) -> None:
    install("harbour", "serverless", provider="acme", keys="region: str")
    path = write("acme:\n  regoin: north\n")

    assert refused(backend="harbour", config_file=path) == (
        f"{path}, line 2: unknown key 'regoin' in section 'acme'; did you mean 'region'?"
    )


def test_a_wrong_value_of_a_provider_section_is_named_where_it_stands(install: Install, write: Write) -> None:
    install("harbour", "serverless", provider="acme", keys="zone: int = Field(ge=1, le=4)")
    path = write("acme:\n  zone: 9\n")

    assert refused(backend="harbour", config_file=path) == (
        f"{path}, line 2: acme.zone is 9; it must be an integer from 1 to 4"
    )


def test_the_section_of_a_mode_lies_under_that_of_its_backend(install: Install) -> None:
    install("pier", "standalone", keys="idle: int = 300\nlanes: int = 1")

    settings = resolve(
        config={"lithops": {"backend": "pier"}, "standalone": {"idle": 7, "lanes": 7}, "pier": {"lanes": 2}}
    )

    assert settings["pier"] == {"idle": 7, "lanes": 2}


def test_a_backend_may_accept_older_names_of_its_keys(install: Install) -> None:
    install("harbour", "serverless", keys="region: str = Field(validation_alias=AliasChoices('region', 'region_name'))")

    assert resolve(backend="harbour", config={"harbour": {"region_name": "n"}})["harbour"] == {"region": "n"}


def test_a_backend_may_take_any_key(install: Install) -> None:
    install("shed", "storage", keys='host: str\nmodel_config = ConfigDict(extra="allow")')

    settings = resolve(storage="shed", config={"shed": {"host": "h", "whatever": 1}})

    assert settings["shed"] == {"host": "h", "whatever": 1}


def test_the_section_of_an_installed_cross_cutting_plugin_is_validated(install: Install) -> None:
    install("traces", "plugins", keys="rate: float = Field(1.0, ge=0, le=1)")

    assert resolve(config={"traces": {"rate": 0.5}}).sections["traces"].rate == 0.5  # type: ignore[attr-defined]
    assert refused(config={"traces": {"rate": 2}}) == (
        "the config argument: traces.rate is 2; it must be a number from 0 to 1"
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("hots: x", "line 2: unknown key 'hots' in section 'redis'; did you mean 'host'?"),
        ("host: x\n  passwrd: hunter3", "line 3: unknown key 'passwrd' in section 'redis'; did you mean 'password'?"),
        ("host: x\n  port: 99999", "line 3: redis.port is 99999; it must be an integer from 1 to 65535"),
        ("port: 1", "section 'redis': it does not say where Redis is; write 'host:' with its name or address"),
    ],
)
def test_section_redis_is_checked_whatever_is_in_use(written: str, message: str, write: Write) -> None:
    assert message in refused(config_file=write(f"redis:\n  {written}\n"))


def test_section_redis_has_its_defaults_filled_in() -> None:
    settings = resolve(config={"redis": {"host": "here", "password": "hunter2"}})

    assert (settings["redis"]["port"], settings["redis"]["password"]) == (6379, "hunter2")
    assert "hunter2" not in repr(settings)
    assert settings.notes == ()
    assert resolve(config=settings) == settings


def test_a_plugin_called_redis_shares_the_section_with_what_reads_it_anyway(install: Install) -> None:
    install("redis", "storage", keys="url: str")
    config = {"redis": {"url": "x://h", "ship_credentials": True}}

    assert resolve(storage="redis", config=config)["redis"] == {"url": "x://h"}
    assert refused(storage="redis", config={"redis": {"url": "x://h", "hots": "y"}}) == (
        "the config argument: unknown key 'hots' in section 'redis'; did you mean 'host'?"
    )


@pytest.mark.parametrize("mode", ["serverless", "standalone"])
def test_the_section_of_a_mode_that_is_not_in_use_is_kept_with_a_note(mode: str, write: Write) -> None:
    path = write(f"{mode}:\n  bakend: x\n")

    settings = resolve(config_file=path, thorough=True)

    assert settings[mode] == {"bakend": "x"}
    assert settings.notes == (f"{path}, line 1: section {mode!r} was not checked, because no plugin in use reads it",)


@pytest.mark.parametrize("key", ["passwrd", "acces_key", "redis_pasword", "tokne", "SECERT"])
def test_what_looks_like_a_secret_is_masked_where_nobody_knows_the_keys(key: str) -> None:
    settings = resolve(config={"far_away": {key: "hunter3", "deep": {key: 4711}, "port": 1}})

    assert settings.as_dict()["far_away"] == {key: "***", "deep": {key: "***"}, "port": 1}


def test_the_global_section_arrives_whole(write: Write) -> None:
    path = write(
        """
        lithops:
            execution_timeout: 12.5
            data_cleaner: false
            monitoring_interval: 3
            retries: 2
            infrastructure_retries: 1
            include_modules: None
            exclude_modules: [numpy]
            chunksize: 7
            log_level: debug
            log_format: '%(message)s'
            log_stream: ext://sys.stdout
            log_filename: lithops.log
            data_limit: false
        """
    )

    settings = resolve(config_file=path)
    general = settings.lithops

    assert (general.execution_timeout_s, general.data_cleaner, general.monitoring_interval) == (12.5, False, 3)
    assert (general.retries, general.infrastructure_retries, general.chunksize) == (2, 1, 7)
    assert (general.include_modules, general.exclude_modules) == (None, ("numpy",))
    assert (general.log_level, general.log_format) == ("DEBUG", "%(message)s")
    assert (general.log_stream, general.log_filename) == ("ext://sys.stdout", "lithops.log")
    assert settings.notes == ()
    assert settings.source == path


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "log_filename: /nope/x.log",
            "lithops.log_filename is '/nope/x.log': there is no folder '/nope'; make it, or name a file elsewhere",
        ),
        ("log_filename: /", "lithops.log_filename is '/': this is a folder; name a file in it"),
        (
            "log_format: '%(message'",
            "lithops.log_format is '%(message': no format for log records: Invalid format '%(message' for '%' style; "
            "write it as for Python's logging",
        ),
        (
            "log_format: '%(nope)s'",
            "lithops.log_format is '%(nope)s': no format for log records: Formatting field not found in record: 'nope'; "
            "write it as for Python's logging",
        ),
        ("log_format: '%(message)d'", "lithops.log_format is '%(message)d': no format for log records: "),
    ],
)
def test_a_log_that_could_not_be_written_is_refused_with_its_line(written: str, message: str, write: Write) -> None:
    path = write(f"lithops:\n  retries: 1\n  {written}\n")

    assert refused(config_file=path).startswith(f"{path}, line 3: {message}")
    assert refused(config_file=path, thorough=True).startswith(f"{path}, line 3: {message}")


def test_a_log_format_may_name_what_the_program_adds_to_records() -> None:
    before = logging.getLogRecordFactory()

    def with_request(*arguments: Any) -> logging.LogRecord:
        record = before(*arguments)
        record.request = 7
        return record

    logging.setLogRecordFactory(with_request)
    try:
        assert resolve(config={"lithops": {"log_format": "%(request)s"}}).lithops.log_format == "%(request)s"
    finally:
        logging.setLogRecordFactory(before)


def test_null_is_silence_for_the_log_and_the_default_for_the_rest() -> None:
    general = resolve(
        config={"lithops": {"log_level": None, "execution_timeout": None, "exclude_modules": None}}
    ).lithops

    assert general.log_level is None
    assert general.execution_timeout_s == 3600
    assert general.exclude_modules == ()


def test_numbers_from_the_environment_are_numbers(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", "3")
    path = write("localhost:\n  worker_processes: ${WORKERS}\n  runtime: " + sys.executable)

    assert compute(config_file=path).worker_processes == 3
