"""Which lane is taken, and what is said where there is none."""

from __future__ import annotations

import pytest

from lithops.config import Settings
from lithops.errors import ConfigError
from lithops.lanes.choice import choose
from lithops.types import Lane, Limits

ANSWERS = Limits(request_bytes=1000, response_bytes=1000)
QUEUES = Limits(request_bytes=1000)


def settings(monitoring: str) -> Settings:
    return Settings(mode="serverless", backend="acme", storage="shelf", monitoring=monitoring)


@pytest.mark.parametrize(
    ("monitoring", "limits", "reached", "lane"),
    [
        ("auto", ANSWERS, False, Lane.RESPONSE),
        ("auto", ANSWERS, True, Lane.RESPONSE),
        ("response", ANSWERS, False, Lane.RESPONSE),
        ("storage", ANSWERS, True, Lane.STORAGE),
        ("auto", QUEUES, True, Lane.STORAGE),
        ("storage", QUEUES, True, Lane.STORAGE),
    ],
)
def test_the_cheapest_lane_is_taken_unless_another_is_asked_for(
    monitoring: str, limits: Limits, reached: bool, lane: Lane
) -> None:
    assert choose(settings(monitoring), limits, reached=reached) is lane


@pytest.mark.parametrize(
    ("monitoring", "limits", "said"),
    [
        ("response", QUEUES, "monitoring is 'response', but backend 'acme' does not answer with results"),
        ("storage", ANSWERS, "monitoring is 'storage', so they go through storage, but what keeps storage 'shelf' is"),
        ("auto", QUEUES, "backend 'acme' does not answer with results, so they go through storage"),
        ("rabbitmq", ANSWERS, "monitoring is 'rabbitmq': this version has no lane that announces results"),
    ],
)
def test_a_lane_that_is_not_there_is_named(monitoring: str, limits: Limits, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(settings(monitoring), limits, reached=False)
    assert said in str(caught.value)
