"""Executors on the function service of the kit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lithops
from lithops_testing.faas import FaasDouble

Make = Callable[..., lithops.FunctionExecutor]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    log = logging.getLogger("lithops")  # which the configuration silences; other tests listen to it
    for attribute in ("level", "handlers", "propagate"):
        monkeypatch.setattr(log, attribute, getattr(log, attribute))


@pytest.fixture
def make(faas_double: FaasDouble) -> Iterator[Make]:
    """Make executors on the service; keywords go into its section. They are closed after the test."""
    made: list[lithops.FunctionExecutor] = []

    def make(retries: int = 5, monitoring: str = "auto", **section: Any) -> lithops.FunctionExecutor:
        general = {"backend": "faas_double", "log_level": None, "infrastructure_retries": retries}
        config = {
            "lithops": {**general, "monitoring": monitoring, "monitoring_interval": 0.03},
            "faas_double": {**faas_double.config, "max_workers": 4, **section},
        }
        made.append(lithops.FunctionExecutor(config=config))
        return made[-1]

    yield make
    for fexec in made:
        fexec.close()
