"""Tests of configuration: settings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, SecretStr

from lithops.config import GlobalSettings, Settings, resolve
from lithops.config.global_section import LithopsSection
from lithops.config.settings import SELECTORS

if TYPE_CHECKING:
    from .conftest import Install


class Harbour(BaseModel):
    quay: str = "q"
    hatch: SecretStr = SecretStr("hunter2")


@pytest.fixture
def settings() -> Settings:
    return Settings(
        mode="serverless",
        backend="harbour",
        storage="shed",
        compute=Harbour(),
        unchecked={"other": {"api_key": "hunter3", "deep": {"password": "hunter4", "size": 1}}},
    )


def test_settings_read_like_the_nested_dict_of_the_file(settings: Settings) -> None:
    assert settings["lithops"]["backend"] == "harbour"
    assert settings["lithops"]["execution_timeout"] == 3600
    assert settings["harbour"]["quay"] == "q"
    assert settings["other"]["deep"]["size"] == 1
    assert settings.get("nowhere") is None
    assert list(settings) == ["lithops", "other", "harbour"]
    assert "harbour" in settings
    with pytest.raises(KeyError):
        settings["harbour"]["nothing"]


def test_secrets_can_be_read_one_by_one(settings: Settings) -> None:
    assert settings["harbour"]["hatch"] == "hunter2"
    assert settings["other"]["deep"]["password"] == "hunter4"


def test_secrets_are_masked_whenever_settings_are_printed(settings: Settings) -> None:
    for text in (
        repr(settings),
        str(settings),
        f"{settings['harbour']}",
        repr(settings["other"]["deep"]),
        repr(settings.as_dict()),
        repr(settings.compute),
    ):
        assert "hunter" not in text


def test_as_dict_reveals_secrets_only_when_told_to(settings: Settings) -> None:
    assert settings.as_dict()["harbour"] == {"quay": "q", "hatch": "***"}
    assert settings.as_dict(reveal=True)["harbour"] == {"quay": "q", "hatch": "hunter2"}


def test_settings_can_be_handed_in_as_a_config_again(install: Install) -> None:
    install("harbour", "serverless", keys="hatch: SecretStr\nquays: list[str] = []")
    install("shed", "storage")
    config = {"lithops": {"backend": "harbour", "retries": 3}, "harbour": {"hatch": "hunter2"}, "mine": {"x": {"y": 1}}}
    first = resolve(config=config)

    for again in (resolve(config=first), resolve(config=first.as_dict(reveal=True)), resolve(config=dict(first))):
        assert again == first
        assert again.compute.hatch.get_secret_value() == "hunter2"  # type: ignore[union-attr]


def test_default_settings_can_be_handed_in_as_a_config_again() -> None:
    again = resolve(config=resolve())

    assert again == resolve()
    assert again.notes == ()


def test_every_key_of_the_global_section_has_its_place_in_the_settings() -> None:
    settings = {field.name.removesuffix("_s") for field in dataclasses.fields(GlobalSettings)}

    assert settings | set(SELECTORS) == set(LithopsSection.model_fields)


def test_defaults_are_the_same_with_and_without_pydantic() -> None:
    assert resolve(config={"lithops": {"retries": 0}}).lithops == GlobalSettings() == resolve().lithops
