"""Tests of configuration: settings."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, SecretStr

from lithops.config import GlobalSettings, Settings, resolve
from lithops.config.global_section import LithopsSection
from lithops.config.settings import SELECTORS

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda settings: settings.copy()])
def test_a_copy_is_a_nested_dict_with_secret_objects(copied: Callable[[Any], Any], settings: Settings) -> None:
    twin = copied(settings)

    assert (type(twin), type(twin["harbour"]), type(twin["other"]["deep"])) == (dict, dict, dict)
    assert twin["lithops"] == settings["lithops"]
    assert "hunter" not in repr(twin)
    assert copied(settings["harbour"]) == twin["harbour"] == {"quay": "q", "hatch": SecretStr("hunter2")}
    assert twin["other"] == {
        "api_key": SecretStr("hunter3"),
        "deep": {"password": SecretStr("hunter4"), "size": 1},
    }

    twin["other"]["deep"]["size"] = 2
    assert settings["other"]["deep"]["size"] == 1


def test_all_that_is_masked_when_printed_is_a_secret_in_a_copy() -> None:
    written = {"credentials": {"user": "me", "pin": 4711}, "urls": ["x://me:hunter2@h", "y://h"], "token": None}

    twin = Settings(unchecked={"far": written}).copy()["far"]

    assert twin == {
        "credentials": {"user": SecretStr("me"), "pin": SecretStr("4711")},
        "urls": [SecretStr("x://me:hunter2@h"), "y://h"],
        "token": None,
    }


def test_a_changed_copy_can_be_handed_in_as_a_config(install: Install) -> None:
    install("harbour", "serverless", keys="hatch: SecretStr\nquay: str = 'q'")
    config = copy.deepcopy(resolve(backend="harbour", config={"harbour": {"hatch": "hunter2"}}))
    config["harbour"]["quay"] = "r"  # type: ignore[index]  # deepcopy of a Settings is a dict

    assert resolve(config=config)["harbour"] == {"hatch": "hunter2", "quay": "r"}


def test_secrets_do_not_travel_in_a_pickle(settings: Settings) -> None:
    travelled = pickle.dumps((settings, settings["harbour"]))

    assert b"hunter" not in travelled
    assert pickle.loads(travelled) == (settings.as_dict(), {"quay": "q", "hatch": "***"})


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
