"""The serverless suite says what is wrong with a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lithops.errors import BackendError
from lithops.records import replaced
from lithops.types import Fate, HttpRequest, Limits, Outcome
from lithops_testing import ServerlessContract

pytest_plugins = ["pytester"]

SUITE: Any = type("Suite", (ServerlessContract,), {})()


class Careless:
    """A backend of which each test spoils something."""

    def __init__(self, outcome: Callable[[int], object] | None = None, **limits: Any) -> None:
        self._outcome = outcome
        self._limits = replaced(Limits(request_bytes=1000, response_bytes=1000), **limits)

    def limits(self, config: object) -> Limits:
        return self._limits

    def deploy_runtime(self, request: object) -> None:
        """Do nothing."""

    def prepare(self, activation: object) -> HttpRequest:
        return HttpRequest(url="https://here/?token=s3cret")

    def interpret(self, activation: object, response: Any) -> object:
        assert self._outcome is not None
        return self._outcome(response.status)


def refused(status: int) -> Outcome:
    return Outcome(fate=Fate.REFUSED, error=BackendError("no"))


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"calls_per_activation": None}, "None is for streams"), ({"activations_per_request": 9}, "one activation with")],
)
def test_limits_that_do_not_fit_are_named(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        SUITE.test_its_limits_are_sensible(Careless(**limits), None)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (lambda status: None, "an Outcome is due for 100 with b'' and {}, found None"),
        (lambda status: Outcome(fate=Fate.REFUSED, error=ValueError("x")), "an error users can act on: 100 with b''"),
        (lambda status: Outcome(fate=Fate.REFUSED), "an error users can act on"),
        (lambda status: Outcome(fate=Fate.LOST, detail="s3cret"), "a message shows a secret: 100"),
        (lambda status: Outcome(fate=Fate.THROTTLED, retry_after_s=-1.0), "100 with"),
    ],
)
def test_an_outcome_the_core_cannot_use_is_told(outcome: Callable[[int], object], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        SUITE.test_whatever_comes_back_is_understood(Careless(outcome), ["s3cret"])


def test_a_backend_that_gives_up_too_early_or_never_is_told() -> None:
    lost = Careless(lambda status: Outcome(fate=Fate.LOST))
    with pytest.raises(AssertionError, match="502|500 with b'' is worth another try"):
        SUITE.test_a_failure_of_the_service_is_not_held_against_the_call(Careless(refused))
    with pytest.raises(AssertionError):
        SUITE.test_too_many_requests_is_throttling(lost)
    with pytest.raises(AssertionError):
        SUITE.test_who_is_not_let_in_is_not_tried_again(lost, 401)


def test_a_secret_outside_of_the_headers_is_told() -> None:
    with pytest.raises(AssertionError, match="credentials belong into headers"):
        SUITE.test_a_request_does_not_show_its_secrets(Careless(), ["s3cret"])


def test_the_fixtures_that_an_author_gives_are_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_acme="""
        from lithops_testing import ServerlessContract

        class TestAcme(ServerlessContract):
            plugin_class = object
        """
    )
    result = pytester.runpytest_subprocess("-k", "sensible")
    result.stdout.fnmatch_lines(["*NotImplementedError: give a fixture `section`: what the configuration says*"])
