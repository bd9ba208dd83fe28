"""The promises of a serverless backend that prepares requests, as tests that every such backend runs.

    class TestAcme(ServerlessContract):
        plugin_class = Acme

        @pytest.fixture
        def section(self, acme_server):
            return {"endpoint": acme_server.url, "token": "..."}

        @pytest.fixture
        def inventory(self, acme_server):
            return acme_server.list_functions

The suite deploys a runtime, runs a few activations in it and removes what it made. A promise that a backend cannot
keep is overridden with `pytest.mark.xfail(reason=...)`; any other override is refused.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import SecretBytes, SecretStr

from lithops.errors import LithopsError
from lithops.plugins import config_model
from lithops.remote.envelope import decode_reports
from lithops.types import (
    Cause,
    CleanScope,
    ExecutorInfo,
    Fate,
    HttpResponse,
    Limits,
    Outcome,
    RuntimeMeta,
    RuntimeRequest,
)
from lithops_testing.contract import Contract
from lithops_testing.orders import order, results
from lithops_testing.sending import send

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from lithops.types import Activation

OWN_DOING = (Cause.CRASHED, Cause.MEMORY, Cause.TIMEOUT)
"""Causes that are held against the call."""
GARBAGE = (
    b"",
    b"\x00\xff" * 100,
    b"<html>it works</html>",
    b"{}",
    b"[]",
    b"null",
    b'{"error": null, "message": {"a": []}}',
    b'{"error": "timeout"',
    b"[" * 100_000,
    "\ud55c\uad6d\uc5b4".encode("utf-16"),
)
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"retry-after": "soon", "content-length": "-1", "x-billed-ms": "many", "content-type": "?"},
    {"retry-after": "-5", "x-billed-ms": "9" * 5000},
    {"retry-after": "nan", "content-type": "application/json; charset=nonsense"},
    {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"},
)


class ServerlessContract(Contract):
    """Subclass this, set `plugin_class`, and give the fixtures `section` and `inventory`."""

    plugin_class: ClassVar[type]

    @pytest.fixture
    def section(self) -> Mapping[str, object]:
        """The backend's section of the configuration, as a file would have it. Yours to give."""
        raise NotImplementedError("give a fixture `section`: what the configuration says of the backend")

    @pytest.fixture
    def inventory(self) -> Callable[[], Set[str]]:
        """Tell what there is in the account, by names: functions, whoever made them. Yours to give."""
        raise NotImplementedError("give a fixture `inventory`: a callable that returns the names of what is deployed")

    @pytest.fixture
    def config(self, section: Mapping[str, object]) -> BaseModel:
        """The section, validated."""
        model = config_model(self.plugin_class)
        assert model is not None, f"{self.plugin_class.__name__} has no Config, but a service needs an address"
        return model.model_validate(section)

    @pytest.fixture
    def executor_info(self, tmp_path: Path) -> ExecutorInfo:
        """Who the backend works for."""
        name = str(getattr(self.plugin_class, "name", "backend"))
        return ExecutorInfo(
            executor_id="0a1b2c-0", mode="serverless", backend=name, storage="localhost", state_dir=str(tmp_path)
        )

    @pytest.fixture
    def backend(self, config: BaseModel, executor_info: ExecutorInfo) -> Iterator[Any]:
        """The backend, configured; what it deployed is removed afterwards."""
        made = self.plugin_class()
        made.configure(config, executor_info)
        yield made
        made.close()
        cleaner = self.plugin_class()  # another one, as a test may have closed this one earlier
        cleaner.configure(config, executor_info)
        cleaner.clean(CleanScope(everything=True))
        cleaner.close()

    @pytest.fixture
    def secrets(self, config: BaseModel) -> list[str]:
        """What nobody may see."""
        values = [getattr(config, name) for name in type(config).model_fields]
        return [str(v.get_secret_value()) for v in values if isinstance(v, SecretStr | SecretBytes)]

    # --- limits

    def test_its_limits_are_sensible(self, backend: Any, config: BaseModel) -> None:
        limits = backend.limits(config)
        assert isinstance(limits, Limits)
        assert limits.calls_per_activation is not None, "None is for streams"
        assert limits.calls_per_activation >= 1
        assert limits.activations_per_request == 1, "a backend that prepares requests starts one activation with each"
        assert limits.in_flight is None or limits.in_flight >= 1
        assert limits.requests_per_s is None or limits.requests_per_s > 0
        assert limits.longest_s is None or limits.longest_s > 0
        assert limits.request_bytes >= 0
        assert limits.response_bytes >= 0

    def test_its_limits_are_the_same_when_asked_again(self, backend: Any, config: BaseModel) -> None:
        assert backend.limits(config) == backend.limits(config)

    # --- runtimes

    def test_a_runtime_is_of_this_python(self, backend: Any) -> None:
        runtime = backend.deploy_runtime(RuntimeRequest())
        assert isinstance(runtime, RuntimeMeta)
        assert runtime.python == sys.version_info[:2], "functions travel between equal minor versions only"
        assert runtime.description

    def test_a_runtime_is_deployed_once(self, backend: Any, inventory: Callable[[], Set[str]]) -> None:
        first = backend.deploy_runtime(RuntimeRequest())
        there = set(inventory())
        assert there, "something was deployed, so the inventory is to show it"
        assert backend.deploy_runtime(RuntimeRequest()) == first
        assert set(inventory()) == there

    def test_another_executor_uses_the_same_runtime(
        self, backend: Any, config: BaseModel, executor_info: ExecutorInfo, inventory: Callable[[], Set[str]]
    ) -> None:
        first = backend.deploy_runtime(RuntimeRequest())
        there = set(inventory())
        other = self.plugin_class()
        other.configure(config, executor_info)
        try:
            assert other.deploy_runtime(RuntimeRequest()) == first
        finally:
            other.close()
        assert set(inventory()) == there

    # --- requests

    def test_a_prepared_request_runs_the_activation(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())

        def square(x: int) -> int:
            return x * x

        assert self.run(backend, order(square, [1, 2, 3])) == [1, 4, 9]

    def test_a_request_may_be_prepared_again(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())
        activation = order(lambda x: x, ["again"])
        backend.prepare(activation)
        assert self.run(backend, activation) == ["again"]

    def test_an_error_of_a_call_is_an_answer(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())
        found = self.run(backend, order(lambda x: 1 // x, [1, 0]))
        assert found[0] == 1
        assert getattr(found[1], "type_name", None) == "ZeroDivisionError"

    def test_a_call_that_takes_its_process_down_does_not_take_others_along(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())

        def leave(code: int) -> int:
            import os

            return os._exit(code) if code else 0

        found = self.run(backend, order(leave, [0, 3, 0]))
        assert [found[0], getattr(found[1], "type_name", None), found[2]] == [0, "WorkerCrashedError", 0]

    def test_a_call_that_runs_too_long_is_ended(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())

        def linger(x: int) -> None:
            import threading

            threading.Event().wait(60)

        (found,) = self.run(backend, order(linger, [0], timeout_s=0.5))
        assert getattr(found, "type_name", None) == "CallTimeoutError"

    def test_a_result_larger_than_the_answer_is_an_error_that_says_so(self, backend: Any, config: BaseModel) -> None:
        backend.deploy_runtime(RuntimeRequest())
        most = backend.limits(config).response_bytes
        if not most:
            return  # there is no answer that it could be larger than
        (found,) = self.run(backend, order(lambda x: bytes(x), [most + 1], response_bytes=most))
        assert getattr(found, "type_name", None) == "ResultTooLargeError"
        assert f"{most:,}" in str(getattr(found, "message", ""))

    def test_a_request_does_not_show_its_secrets(self, backend: Any, secrets: list[str]) -> None:
        backend.deploy_runtime(RuntimeRequest())
        shown = repr(backend.prepare(order(lambda x: x, [1])))
        assert not [secret for secret in secrets if secret in shown], "credentials belong into headers"

    # --- answers

    def test_whatever_comes_back_is_understood(self, backend: Any, secrets: list[str]) -> None:
        activation = order(lambda x: x, [1])
        said_back = [json.dumps({"error": secret, "message": secret}).encode() for secret in secrets]
        said_back += [f"{'x' * n} your credentials were {secret}".encode() for secret in secrets for n in (0, 480)]
        for status, body, headers in itertools.product(range(100, 600), (*GARBAGE, *said_back), HEADERS):
            response = HttpResponse(status=status, headers=headers, body=body)
            _check(backend.interpret(activation, response), secrets, f"{status} with {body[:80]!r} and {headers!r}")

    def test_too_many_requests_is_throttling(self, backend: Any) -> None:
        activation = order(lambda x: x, [1])
        for body in GARBAGE:
            answer = HttpResponse(status=429, headers={"retry-after": "2"}, body=body)
            assert backend.interpret(activation, answer).fate is Fate.THROTTLED, f"with {body[:80]!r}"

    @pytest.mark.parametrize("status", [401, 403])
    def test_who_is_not_let_in_is_not_tried_again(self, backend: Any, status: int) -> None:
        outcome = backend.interpret(order(lambda x: x, [1]), HttpResponse(status=status, headers={}, body=b""))
        assert outcome.fate is Fate.REFUSED

    def test_a_failure_of_the_service_is_not_held_against_the_call(self, backend: Any) -> None:
        activation = order(lambda x: x, [1])
        for status, body in itertools.product((500, 502, 503, 504), GARBAGE):
            outcome = backend.interpret(activation, HttpResponse(status=status, headers={}, body=body))
            assert outcome.fate in (Fate.LOST, Fate.THROTTLED), f"{status} with {body[:80]!r} is worth another try"
            assert outcome.cause not in OWN_DOING, f"{status} with {body[:80]!r} says nothing of the call"

    # --- the end

    def test_clean_removes_what_was_made_and_nothing_else(
        self, backend: Any, inventory: Callable[[], Set[str]]
    ) -> None:
        before = set(inventory())
        backend.deploy_runtime(RuntimeRequest())
        assert set(inventory()) > before
        report = backend.clean(CleanScope(everything=True))
        assert set(inventory()) == before
        assert report.removed, "it says what it has removed"

    def test_clean_leaves_runtimes_unless_told_everything(
        self, backend: Any, inventory: Callable[[], Set[str]]
    ) -> None:
        backend.deploy_runtime(RuntimeRequest())
        there = set(inventory())
        backend.clean(CleanScope(job_keys=("0a1b2c-0-M000",)))
        assert set(inventory()) == there

    def test_clean_may_be_repeated(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())
        backend.clean(CleanScope(everything=True))
        assert backend.clean(CleanScope(everything=True)).removed == ()

    def test_a_runtime_that_was_cleaned_is_deployed_again(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())
        backend.clean(CleanScope(everything=True))
        backend.deploy_runtime(RuntimeRequest())
        assert self.run(backend, order(lambda x: x + 1, [1])) == [2]

    def test_close_may_be_repeated(self, backend: Any) -> None:
        backend.deploy_runtime(RuntimeRequest())
        backend.close()
        backend.close()

    def test_close_leaves_the_runtime(self, backend: Any, inventory: Callable[[], Set[str]]) -> None:
        backend.deploy_runtime(RuntimeRequest())
        there = set(inventory())
        backend.close()
        assert set(inventory()) == there

    def run(self, backend: Any, activation: Activation) -> list[object]:
        """Send an activation and return the results of its calls; fails unless the backend says it is answered."""
        outcome = backend.interpret(activation, send(backend.prepare(activation)))
        assert outcome.fate is Fate.ANSWERED, f"the activation was not answered but {outcome!r}"
        return results(decode_reports(outcome.body))


def _check(outcome: object, secrets: list[str], what: str) -> None:
    """Hold an outcome to what the core relies on."""
    assert isinstance(outcome, Outcome), f"an Outcome is due for {what}, found {outcome!r}"
    assert isinstance(outcome.fate, Fate), what
    if outcome.fate is Fate.REFUSED:
        assert isinstance(outcome.error, LithopsError), f"what is refused has an error users can act on: {what}"
        assert str(outcome.error), f"the error has no message: {what}"
    if outcome.retry_after_s is not None:
        assert 0 <= outcome.retry_after_s < float("inf"), what
    if outcome.billed_ms is not None:
        assert 0 <= outcome.billed_ms < 1 << 53, what
    shown = f"{outcome.detail} {outcome.error} {outcome.error!r} {outcome.backend_ref}"
    assert not [secret for secret in secrets if secret in shown], f"a message shows a secret: {what}"
