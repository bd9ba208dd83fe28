"""What is measured: one small module per case, each with a `CASE`."""

from __future__ import annotations

from importlib import import_module

from records import Case

CASES = (
    "imports",
    "first_result",
    "warm_call",
    "small_calls",
    "streaming",
    "submits",
    "bimodal",
    "cpu_bound",
    "million",
    "arrays",
    "shared_argument",
    "grid_search",
    "queues",
    "requests",
    "storage_lane",
)


def load_case(key: str) -> Case:
    """Return the case of that name; importing it needs the standard library only."""
    case = import_module(f"cases.{key}").CASE
    assert isinstance(case, Case)
    return case
