"""A promise of a suite is kept, or marked as one that cannot be kept."""

from __future__ import annotations

import pytest

from lithops_testing import PluginContract, ServerlessContract, ServerlessRunsContract, StorageContract
from lithops_testing.contract import Contract

PROMISE = "test_it_is_documented"


def unmarked(self: object) -> None: ...


@pytest.mark.xfail
def without_reason(self: object) -> None: ...


@pytest.mark.xfail(reason="nobody reads it")
def with_reason(self: object) -> None: ...


def test_an_override_without_a_reason_is_refused() -> None:
    message = r"Acme\.test_it_is_documented overrides a promise of the contract; keep the promise, or say why"
    for override in (None, unmarked, without_reason):
        with pytest.raises(TypeError, match=message):
            type("Acme", (PluginContract,), {PROMISE: override, "__qualname__": "Acme"})


def test_a_marked_override_is_accepted() -> None:
    type("Acme", (PluginContract,), {PROMISE: with_reason})


def test_an_override_in_a_class_between_is_refused_too() -> None:
    between = type("Between", (PluginContract,), {})
    with pytest.raises(TypeError, match="overrides a promise"):
        type("Acme", (between,), {PROMISE: None})


def test_a_suite_may_be_added_to() -> None:
    type("Acme", (PluginContract,), {"test_it_is_ours": lambda self: None})


def test_every_suite_is_guarded() -> None:
    for suite in (PluginContract, ServerlessContract, ServerlessRunsContract, StorageContract):
        assert issubclass(suite, Contract)
