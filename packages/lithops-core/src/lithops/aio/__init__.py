"""Calls for asyncio: an executor whose methods are awaited, and futures that can be."""

from __future__ import annotations

from lithops.aio.executor import AsyncFunctionExecutor as AsyncFunctionExecutor
from lithops.aio.streams import AsyncResultStream as AsyncResultStream

__all__ = ["AsyncFunctionExecutor", "AsyncResultStream"]
