"""What the reference backend makes of the service's answers, and what it says when it cannot go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from lithops.errors import BackendError, InputTooLargeError, ResultTooLargeError, TransportError
from lithops.types import Cause, ExecutorInfo, Fate, HttpResponse, RuntimeRequest
from lithops_testing import FaasDouble as Service
from lithops_testing.backends.faas import deployment
from lithops_testing.backends.faas.answers import Answers
from lithops_testing.backends.faas.config import FaasDoubleConfig
from lithops_testing.backends.faas.plugin import FaasDouble
from lithops_testing.orders import order
from lithops_testing.sending import send

ANSWERS = Answers(SecretStr("s3cret"))
INFO = ExecutorInfo(executor_id="0a1b2c-0", mode="serverless", backend="faas_double", storage="localhost", state_dir="")


def response(status: int, code: str = "", message: str = "why", **headers: str) -> HttpResponse:
    body = json.dumps({"error": code, "message": message}).encode()
    return HttpResponse(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body)


def plugin(section: dict[str, Any]) -> FaasDouble:
    made = FaasDouble()
    made.configure(FaasDoubleConfig.model_validate(section), INFO)
    return made


def test_an_answer_carries_the_reports_and_what_was_billed() -> None:
    answer = HttpResponse(status=200, headers={"x-request-id": "7", "x-billed-ms": "31"}, body=b"reports")
    outcome = ANSWERS.outcome(answer)
    assert (outcome.fate, outcome.body, outcome.backend_ref, outcome.billed_ms) == (
        Fate.ANSWERED,
        b"reports",
        "7",
        31,
    )


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (502, "crashed", Cause.CRASHED),
        (502, "killed", Cause.KILLED),
        (502, "memory", Cause.MEMORY),
        (504, "timeout", Cause.TIMEOUT),
        (503, "reclaimed", Cause.PREEMPTED),
        (500, "internal", Cause.UNREACHABLE),
        (503, "unavailable", Cause.UNREACHABLE),
        (599, "", Cause.UNREACHABLE),
    ],
)
def test_what_took_an_activation_down_is_told(status: int, code: str, cause: Cause) -> None:
    outcome = ANSWERS.outcome(response(status, code))
    assert (outcome.fate, outcome.cause) == (Fate.LOST, cause)
    assert "why" in outcome.detail


@pytest.mark.parametrize(
    ("told", "seconds"), [("0.25", 0.25), ("3", 3.0), ("soon", None), ("-1", None), ("inf", None), ("", None)]
)
def test_throttling_says_when_to_come_back_if_it_knows(told: str, seconds: float | None) -> None:
    outcome = ANSWERS.outcome(response(429, "throttled", retry_after=told))
    assert (outcome.fate, outcome.retry_after_s) == (Fate.THROTTLED, seconds)


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (413, "request_too_large", InputTooLargeError, "why; put large data into storage, or lower `request_bytes`"),
        (413, "response_too_large", ResultTooLargeError, "why; return less, or put it into storage and return where"),
        (401, "unauthorized", BackendError, "does not let an invocation in (401): why; is `token` right?"),
        (404, "not_found", BackendError, "the function is gone (why); a new executor deploys it again"),
        (502, "failed", BackendError, "the function cannot run the activation: why"),
        (302, "", BackendError, "the service answered an invocation with 302: why; is `endpoint` right?"),
    ],
)
def test_what_is_refused_says_what_to_do(status: int, code: str, kind: type[Exception], message: str) -> None:
    outcome = ANSWERS.outcome(response(status, code))
    assert outcome.fate is Fate.REFUSED
    assert type(outcome.error) is kind
    assert message in str(outcome.error)


def test_a_token_that_is_said_back_is_masked() -> None:
    outcome = ANSWERS.outcome(response(500, "internal", f"{'x' * 480} Bearer s3cret"))
    assert "s3c" not in outcome.detail
    assert "Bearer ***" in outcome.detail


def test_each_way_an_environment_ends_is_understood_of_the_real_service(faas_double: Service) -> None:
    made = plugin({**faas_double.config, "runtime_timeout": 60})
    made.deploy_runtime(RuntimeRequest())
    causes = {
        "crash_before": Cause.KILLED,
        "reclaim": Cause.PREEMPTED,
        "timeout": Cause.TIMEOUT,
        "memory": Cause.MEMORY,
        "error_500": Cause.UNREACHABLE,
    }
    for fault, cause in causes.items():
        faas_double.inject(**{fault: {"next": 1}})
        activation = order(lambda x: x, [1])
        outcome = made.interpret(activation, send(made.prepare(activation)))
        assert (fault, outcome.fate, outcome.cause) == (fault, Fate.LOST, cause)


def test_calls_are_given_less_time_than_the_function_and_less_memory(faas_double: Service) -> None:
    config = FaasDoubleConfig.model_validate({**faas_double.config, "runtime_timeout": 5, "runtime_memory": 300})
    made = FaasDouble()
    made.configure(config, INFO)
    assert made.limits(config).longest_s == 4.5
    made.deploy_runtime(RuntimeRequest())
    (function,) = faas_double.functions().values()
    assert (function["timeout_s"], function["memory_mb"]) == (5, 300)


def test_other_settings_make_another_function(faas_double: Service) -> None:
    for memory in (256, 512, 256):
        plugin({**faas_double.config, "runtime_memory": memory}).deploy_runtime(RuntimeRequest())
    assert len(faas_double.functions()) == 2


def test_deploying_waits_until_the_function_is_active(faas_double: Service) -> None:
    faas_double.configure(activation_s=0.3)
    plugin(faas_double.config).deploy_runtime(RuntimeRequest())
    assert [function["state"] for function in faas_double.functions().values()] == ["Active"]


def test_a_function_that_does_not_become_active_is_told(faas_double: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    faas_double.configure(activation_s=600)
    monkeypatch.setattr(deployment, "ACTIVE_S", 0.1)
    with pytest.raises(BackendError, match=r"^function 'lithops-\w+' is 'Pending' after 0\.1 s, not 'Active'; look at"):
        plugin(faas_double.config).deploy_runtime(RuntimeRequest())


def test_a_wrong_token_is_told_and_not_shown(faas_double: Service) -> None:
    with pytest.raises(BackendError, match=r"does not let GET /functions/lithops-\w+ in \(403\); is `token` right\?$"):
        plugin({**faas_double.config, "token": "wr0ng"}).deploy_runtime(RuntimeRequest())


def test_a_service_that_is_not_there_is_told(faas_double: Service) -> None:
    with pytest.raises(TransportError, match=r"127\.0\.0\.1:1 failed: .*refused; is `endpoint` right, and does `ca_fi"):
        plugin({**faas_double.config, "endpoint": "https://127.0.0.1:1"}).deploy_runtime(RuntimeRequest())


def test_a_certificate_that_is_not_trusted_is_told(faas_double: Service) -> None:
    with pytest.raises(TransportError, match=r"CERTIFICATE_VERIFY_FAILED.*does `ca_file` hold its certificate\?$"):
        plugin({**faas_double.config, "ca_file": None}).deploy_runtime(RuntimeRequest())


def test_a_refused_function_is_told_with_the_words_of_the_service(faas_double: Service) -> None:
    with pytest.raises(BackendError, match=r"answered PUT /functions/lithops-\w+ with 400: (.|\n)*less than or equal"):
        plugin({**faas_double.config, "runtime_timeout": 5000}).deploy_runtime(RuntimeRequest())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ca_file": "/no/such/file"}, "there is no such file; it must hold the certificates to trust"),
        ({"endpoint": "ftp://here"}, "String should match pattern"),
        ({"token": ""}, "at least 1"),
    ],
)
def test_a_section_that_makes_no_sense_is_told(tmp_path: Path, wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FaasDoubleConfig.model_validate({"endpoint": "https://here", "token": "x", **wrong})
