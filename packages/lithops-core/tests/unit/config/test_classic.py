"""Tests of configuration: classic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lithops.config import default_config, extract_storage_config, load_config, load_yaml_config, resolve
from lithops.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Install, Write


def test_load_config_returns_what_is_written_and_nothing_else(home: Path) -> None:
    assert load_config() == {}
    (home / ".lithops_config").write_text("lithops: {retries: 1, anything: x}")

    assert load_config() == {"lithops": {"retries": 1, "anything": "x"}}


def test_load_yaml_config_returns_a_plain_dict(write: Write) -> None:
    config = load_yaml_config(write("lithops: {retries: 1}"))

    assert config == {"lithops": {"retries": 1}}
    assert type(config) is dict


def test_default_config_is_complete() -> None:
    config = default_config(config_data={"lithops": {"retries": 1}})

    assert config["lithops"]["retries"] == 1
    assert config["lithops"]["storage"] == "localhost"


def test_default_config_takes_what_overwrites_it() -> None:
    config = default_config(
        config_data={"lithops": {"monitoring": "storage"}},
        config_overwrite={"lithops": {"monitoring": "auto"}, "backend": {"worker_processes": 7}},
    )

    assert config["lithops"]["monitoring"] == "auto"
    assert config["localhost"]["worker_processes"] == 7


def test_default_config_refuses_to_overwrite_other_things() -> None:
    with pytest.raises(ConfigError) as caught:
        default_config(config_overwrite={"lithops": {"retries": 1}})

    assert str(caught.value) == (
        "config_overwrite['lithops'] holds 'retries', but only mode, backend, storage, monitoring can be overwritten; "
        "put it into the configuration"
    )


def test_the_storage_config_of_the_defaults_names_the_local_store() -> None:
    assert extract_storage_config({}) == {"backend": "localhost", "localhost": {}}
    assert extract_storage_config(resolve())["backend"] == "localhost"


def test_the_storage_config_holds_what_opens_the_store(install: Install) -> None:
    install("shed", "storage", keys="hatch: SecretStr\nstorage_bucket: str | None = None")

    config = extract_storage_config(
        {"lithops": {"storage": "shed"}, "shed": {"hatch": "hunter2", "storage_bucket": "b"}}
    )

    assert config == {"backend": "shed", "bucket": "b", "shed": {"hatch": "hunter2", "storage_bucket": "b"}}
