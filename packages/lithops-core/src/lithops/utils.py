"""Names that users import from here; they live elsewhere."""

from __future__ import annotations

from lithops.jobs.futures import FuturesList as FuturesList

__all__ = ["FuturesList"]
