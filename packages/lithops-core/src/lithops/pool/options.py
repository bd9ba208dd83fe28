"""What a pool is told about its workers."""

from __future__ import annotations

from collections.abc import Callable

from lithops.records import record


@record
class PoolOptions:
    """How a pool's workers are to be."""

    workers: int
    python: str
    library: str | None = None
    """Folder with the package for another interpreter; None: this interpreter, this package."""
    path: tuple[str, ...] | None = None
    """`sys.path` for the workers; None keeps the interpreter's own."""
    log_dir: str | None = None
    memory_mb: int | None = None
    live: Callable[[int, bytes], None] | None = None
    """Gets output as it comes: stream number, bytes."""
