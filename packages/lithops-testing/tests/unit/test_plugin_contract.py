"""The contract suite passes what is right and says what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

import lithops
from lithops.plugins import PluginInfo
from lithops_testing import PluginContract


class AcmeConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str = Field("here", description="Where it runs.")
    secret_access_key: SecretStr | None = Field(None, description="Its key.")
    token_url: str = Field("https://acme.invalid", description="Where tokens come from; no secret itself.")


class Acme:
    """Accept everything."""

    name = "acme"
    Config = AcmeConfig

    @lithops.hookimpl
    def limits(self, config):  # type: ignore[no-untyped-def]
        return None

    @lithops.hookimpl
    def deploy_runtime(self, request):  # type: ignore[no-untyped-def]
        return None


PROMISES = [name for name in vars(PluginContract) if name.startswith("test_")]


def suite(plugin_class: type, **known: str) -> PluginContract:
    """Return the suite for a class that counts as installed as `known` says."""
    info = PluginInfo(
        **{
            "name": "acme",
            "kind": "serverless",
            "distribution": "lithops-backend-acme",
            "version": "1.0",
            "target": f"{plugin_class.__module__}:{plugin_class.__qualname__}",
            **known,
        }
    )
    members = {"plugin_class": plugin_class, "info": info, "allowed_imports": frozenset({"pytest", "_pytest"})}
    made: PluginContract = type("Suite", (PluginContract,), members)()
    return made


def variant(**members: object) -> type:
    return type("Acme", (Acme,), {"__doc__": "Vary.", **members})


def hook(function: Callable[..., Any]) -> object:
    return lithops.hookimpl(function)


def failure(promise: str, tested: PluginContract) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the promise raises is its message
        getattr(tested, promise)()
    return str(caught.value)


@pytest.mark.parametrize("promise", [p for p in PROMISES if p not in ("test_its_entry_point_leads_to_it",)])
def test_a_good_plugin_keeps_every_promise(promise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Acme, "__module__", "lithops_backend_acme.plugin")
    if promise == "test_importing_it_loads_no_sdk":
        monkeypatch.setattr(Acme, "__module__", "lithops.plugins")
    getattr(suite(Acme), promise)()


def test_a_plugin_without_entry_point_is_told_to_declare_one() -> None:
    made = type("Suite", (PluginContract,), {"plugin_class": Acme})()
    message = failure("test_its_entry_point_leads_to_it", made)
    assert message.startswith(f"no entry point leads to '{Acme.__module__}:Acme'; declare it in pyproject.toml, as ")
    assert f'[project.entry-points."lithops.<kind>"] with acme = "{Acme.__module__}:Acme"' in message


@pytest.mark.parametrize(
    ("promise", "plugin_class", "message"),
    [
        (
            "test_it_is_held_to_the_contract",
            variant(name="b"),
            "is installed as 'acme' but its attribute 'name' is 'b'",
        ),
        ("test_it_is_documented", variant(__doc__=""), "Acme has no docstring"),
        (
            "test_its_hooks_have_the_parameters_of_their_specs",
            variant(close=hook(lambda self, soon: None)),
            "hook 'close' takes (self, soon), its spec (self)",
        ),
        (
            "test_its_hooks_have_the_parameters_of_their_specs",
            variant(cancel=hook(lambda self, request=None: None)),
            "hook 'cancel' has a default for 'request'",
        ),
        (
            "test_its_config_is_closed_and_described",
            variant(Config=type("Loose", (BaseModel,), {})),
            "Loose must set extra='forbid'",
        ),
        (
            "test_its_config_is_closed_and_described",
            variant(Config=type("Changing", (BaseModel,), {"model_config": ConfigDict(extra="forbid")})),
            "Changing must set frozen=True",
        ),
        (
            "test_its_config_is_closed_and_described",
            variant(Config=type("Terse", (AcmeConfig,), {"__annotations__": {"size": int}, "size": 1})),
            "Terse has no description for size",
        ),
        (
            "test_its_secrets_are_secret",
            variant(Config=type("Open", (AcmeConfig,), {"__annotations__": {"api_key": str}, "api_key": ""})),
            "api_key must be SecretStr",
        ),
        (
            "test_making_it_starts_nothing",
            variant(
                __init__=lambda self: threading.Thread(target=threading.Event().wait, daemon=True, args=(1,)).start()
            ),
            "a plugin starts no thread before 'configure'",
        ),
    ],
)
def test_a_broken_promise_is_explained(promise: str, plugin_class: type, message: str) -> None:
    assert message in failure(promise, suite(plugin_class))


def test_what_its_kind_needs_is_named() -> None:
    assert "a plugin of kind 'localhost' implements invoke, close as well" in failure(
        "test_it_implements_what_its_kind_needs", suite(Acme, kind="localhost")
    )


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"name": "Acme"}, "'Acme' is no lower-case identifier"),
        ({"distribution": "acme"}, "should come in a distribution named 'lithops-backend-acme'"),
        ({"target": "acme:Acme"}, "should be imported as 'lithops_backend_acme'"),
    ],
)
def test_names_that_are_not_mechanical_are_told_the_right_ones(known: dict[str, str], message: str) -> None:
    assert message in failure("test_its_names_are_mechanical", suite(Acme, **known))


def test_an_sdk_that_is_loaded_by_import_is_named() -> None:
    lazy = variant(Config=None, __module__="pydantic")
    message = failure("test_importing_it_loads_no_sdk", suite(lazy))
    assert message.startswith("importing 'pydantic' loads ")
    assert "pydantic_core" in message
    assert message.splitlines()[0].endswith("; import them where they are first used")
