"""Names that users import from here; they live elsewhere."""

from __future__ import annotations

from lithops.futures import FuturesList as FuturesList

__all__ = ["FuturesList"]
