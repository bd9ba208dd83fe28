"""What the service calls in an environment, with the body of each invocation."""

from __future__ import annotations

import functools
import os

from lithops.remote.handler import Handler

OVERHEAD_MB = 64
"""What the environment itself takes of its memory."""


def handle(body: bytes) -> bytes:
    """Run an activation and return its reports."""
    return handler().handle(body)


@functools.cache
def handler() -> Handler:
    """Make what keeps the workers, once for as long as the service keeps the environment."""
    workers = int(os.environ["LITHOPS_WORKER_PROCESSES"])
    memory_mb = (int(os.environ["FAAS_MEMORY_MB"]) - OVERHEAD_MB) // workers
    return Handler(workers=workers, memory_mb=memory_mb)
