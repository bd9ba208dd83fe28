"""How much is tried by the tests that make up their own input."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(  # a machine under load is slow, and that is no failure
    "unhurried", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")
