"""What the answers of the service mean."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from lithops.errors import BackendError, InputTooLargeError, ResultTooLargeError
from lithops.types import ActivationState, Cause, Fate, Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from lithops.types import HttpResponse

LONGEST_MESSAGE = 500
MOST_READ = 10 * LONGEST_MESSAGE
"""Bytes of an answer that is no JSON; more than are shown, so that no half of a token is."""
CAUSES = {
    "crashed": Cause.CRASHED,
    "killed": Cause.KILLED,
    "memory": Cause.MEMORY,
    "timeout": Cause.TIMEOUT,
    "reclaimed": Cause.PREEMPTED,
}
"""How an environment ended, in the words of the service."""


class Answers:
    """Understands answers. Whatever comes, it neither raises nor shows the token, should the service say it back."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def outcome(self, response: HttpResponse) -> Outcome:
        """Say what an answer to an invocation means."""
        status, headers = response.status, response.headers
        if status == 200:
            return Outcome(
                fate=Fate.ANSWERED,
                body=response.body,
                backend_ref=headers.get("x-request-id", ""),
                billed_ms=_whole(headers.get("x-billed-ms", "")),
            )
        if status == 202:
            return Outcome(fate=Fate.ACCEPTED, backend_ref=headers.get("x-request-id", ""))
        code, message = self._said(response)
        if status == 429:
            return Outcome(fate=Fate.THROTTLED, retry_after_s=_seconds(headers.get("retry-after", "")), detail=message)
        if code in CAUSES and status >= 500:
            return Outcome(fate=Fate.LOST, cause=CAUSES[code], detail=message)
        if status >= 500 and code != "failed":
            return Outcome(fate=Fate.LOST, cause=Cause.UNREACHABLE, detail=f"the service answered {status}: {message}")
        return Outcome(fate=Fate.REFUSED, error=_refusal(status, code, message))

    def _said(self, response: HttpResponse) -> tuple[str, str]:
        """Return the code and the message of an error, as far as there are any."""
        try:
            said = json.loads(response.body)
            code, message = str(said["error"]), str(said["message"])
        except (ValueError, KeyError, TypeError, RecursionError):
            code, message = "", response.body[:MOST_READ].decode("utf-8", "replace")
        return code, message.replace(self._token.get_secret_value(), "***")[:LONGEST_MESSAGE]


def cause_of(code: str) -> Cause:
    """Return how an environment ended, of which the service says `code`; UNREACHABLE if nothing took it down."""
    return CAUSES.get(code, Cause.UNREACHABLE)


def state_of(event: Mapping[str, str]) -> ActivationState:
    """Read what the service says of an activation whose answer is not waited for."""
    phase = Phase.RUNNING if event["phase"] == "running" else Phase.GONE
    detail = event.get("message") or "it has ended and left no report"
    return ActivationState(
        activation_id=event["name"], phase=phase, cause=cause_of(event.get("error", "")), detail=detail
    )


def _refusal(status: int, code: str, message: str) -> Exception:
    if code == "response_too_large":
        return ResultTooLargeError(f"{message}; return less, or put it into storage and return where it is")
    if status == 413:
        return InputTooLargeError(f"{message}; put large data into storage, or lower `request_bytes` to what it takes")
    if status in (401, 403):
        return BackendError(f"the service does not let an invocation in ({status}): {message}; is `token` right?")
    if status == 404:
        return BackendError(f"the function is gone ({message}); a new executor deploys it again")
    if code == "failed":
        return BackendError(f"the function cannot run the activation: {message}")
    return BackendError(f"the service answered an invocation with {status}: {message}; is `endpoint` right?")


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _seconds(text: str) -> float | None:
    """Read `Retry-After`. A date, which this service never sends, counts as nothing."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
