"""What the service calls in each environment of an array."""

from __future__ import annotations

import os

from lithops_testing.backends.faas.entry_point import handler


def handle(body: bytes) -> bytes:
    """Run the part of the array that is this environment's; what it has to say goes into the store."""
    return handler().handle(body, int(os.environ["FAAS_ARRAY_INDEX"]))
