"""Wrong values: each names its key, what was found and what may stand there, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import refused

if TYPE_CHECKING:
    from .conftest import Install, Write


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("localhost", "worker_processes", 0, "0; it must be an integer from 1 to 10000"),
        ("localhost", "worker_processes", "many", "'many'; it must be an integer from 1 to 10000"),
        ("localhost", "runtime_memory", 4, "4; it must be an integer of at least 32 or null"),
        ("localhost", "stream_logs", "perhaps", "'perhaps'; it must be true or false"),
        ("lithops", "execution_timeout", -1, "-1; it must be a number above 0 or null"),
        ("lithops", "execution_timeout", float("inf"), "inf; it must be a number above 0 or null"),
        ("lithops", "retries", -1, "-1; it must be an integer of at least 0"),
        ("lithops", "infrastructure_retries", 1.5, "1.5; it must be an integer of at least 0"),
        ("lithops", "chunksize", 0, "0; it must be an integer of at least 1 or null"),
        ("lithops", "include_modules", "numpy", "'numpy'; it must be a list of texts or null"),
        ("lithops", "log_level", "LOUD", "'LOUD'; it must be 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL' or null"),
        ("lithops", "log_stream", "x", "'x'; it must be 'ext://sys.stderr' or 'ext://sys.stdout'"),
        ("lithops", "data_cleaner", [1], "[1]; it must be true or false"),
    ],
)
def test_a_wrong_value_names_key_value_and_range(section: str, key: str, value: object, expected: str) -> None:
    assert refused(config={section: {key: value}}).startswith(f"the config argument: {section}.{key} is {expected}")


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("localhost", "worker_processes", "true", "True; it must be an integer from 1 to 10000"),
        ("localhost", "runtime_memory", "on", "True; it must be an integer of at least 32 or null"),
        ("lithops", "retries", "true", "True; it must be an integer of at least 0"),
        ("lithops", "retries", "false", "False; it must be an integer of at least 0"),
        ("lithops", "chunksize", "yes", "True; it must be an integer of at least 1 or null"),
        ("lithops", "execution_timeout", "true", "True; it must be a number above 0 or null"),
        ("redis", "db", "no", "False; it must be an integer of at least 0"),
    ],
)
def test_true_and_false_are_no_numbers(section: str, key: str, value: str, expected: str, write: Write) -> None:
    path = write(f"redis:\n  host: here\n{section if section != 'redis' else '#'}:\n  {key}: {value}\n")

    assert refused(config_file=path) == f"{path}, line 4: {section}.{key} is {expected}"


def test_true_is_no_number_as_a_keyword_either() -> None:
    assert refused(overrides={"worker_processes": True}) == (
        "keyword argument worker_processes is True; it must be an integer from 1 to 10000"
    )


def test_true_for_a_number_is_told_together_with_other_wrong_values() -> None:
    lines = refused(config={"lithops": {"retries": True, "chunksize": 0, "execution_timeout": False}}).splitlines()

    assert [line.split()[3] for line in lines] == ["lithops.execution_timeout", "lithops.chunksize", "lithops.retries"]


def test_true_is_no_number_within_the_values_of_a_plugin(install: Install, write: Write) -> None:
    install(
        "harbour",
        "serverless",
        keys="""
        class Quay(BaseModel):
            depth: float = Field(alias="depth_m")
        berths: list[int] = []
        tides: dict[str, int] = {}
        quay: Quay | None = None
        flags: list[bool | int] = []
        """,
    )
    path = write("harbour:\n  flags: [true, 2]\n  berths: [1, true]\n  tides: {low: no}\n  quay: {depth_m: yes}\n")

    assert refused(backend="harbour", config_file=path).splitlines() == [
        f"{path}, line 3: harbour.berths.1 is True: it must be a number",
        f"{path}, line 4: harbour.tides.low is False: it must be a number",
        f"{path}, line 5: harbour.quay.depth_m is True: it must be a number",
    ]


def test_a_wrong_value_in_a_file_has_its_line(write: Write) -> None:
    path = write("localhost:\n  stream_logs: true\n  worker_processes: 0\n")

    assert refused(config_file=path) == (
        f"{path}, line 3: localhost.worker_processes is 0; it must be an integer from 1 to 10000"
    )


def test_a_wrong_keyword_is_called_one() -> None:
    assert refused(overrides={"worker_processes": 0}) == (
        "keyword argument worker_processes is 0; it must be an integer from 1 to 10000"
    )


def test_a_wrong_item_of_a_list_has_its_own_line(write: Write) -> None:
    path = write("lithops:\n  include_modules:\n    - numpy\n    - [1]\n")

    assert refused(config_file=path) == (
        f"{path}, line 4: lithops.include_modules.1 is [1]: input should be a valid string"
    )


def test_every_wrong_value_is_told_at_once() -> None:
    assert len(refused(config={"localhost": {"worker_processes": 0, "runtime_memory": 0}}).splitlines()) == 2


def test_a_long_wrong_value_is_cut() -> None:
    assert len(refused(config={"localhost": {"worker_processes": "x" * 10_000}})) < 400


def test_a_missing_key_says_who_needs_it_and_what_it_is(install: Install) -> None:
    install("harbour", "serverless", keys='quay: str = Field(description="where ships land")')

    assert refused(config={"lithops": {"backend": "harbour"}}) == (
        "the config argument: backend 'harbour' needs the key 'quay': where ships land"
    )
    assert refused(backend="harbour") == "configuration: backend 'harbour' needs the key 'quay': where ships land"


def test_a_secret_that_is_wrong_is_not_shown(install: Install) -> None:
    install("harbour", "serverless", keys="hatch: SecretStr\nmaster_password: int = 1\nurl: int = 1")

    message = refused(
        backend="harbour", config={"harbour": {"hatch": 4711, "master_password": "4712", "url": "x://me:4713@h"}}
    )

    assert "harbour.hatch is a value that is not shown; it must be text" in message
    assert "harbour.url is 'x://***@h'" in message
    assert not {"4711", "4713"} & set(message.split())


def test_the_rule_that_a_backend_breaks_is_told_in_its_own_words(install: Install) -> None:
    install(
        "harbour",
        "serverless",
        keys="""
        depth: int = 1
        def model_post_init(self, context: object) -> None:
            if self.depth > 3:
                raise ValueError("no harbour is deeper than 3")
        """,
    )

    assert refused(backend="harbour", config={"harbour": {"depth": 4}}) == (
        "the config argument: backend 'harbour': no harbour is deeper than 3"
    )
