"""A cross-cutting plugin that fails must not fail the job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lithops

Make = Callable[..., lithops.FunctionExecutor]

PLUGIN = """
import lithops


class Clumsy:
    name = "clumsy"
    Config = None

    @lithops.hookimpl
    def job_started(self, job):
        raise RuntimeError("started badly")

    @lithops.hookimpl
    def calls_finished(self, job, reports):
        raise RuntimeError("finished badly")

    @lithops.hookimpl
    def job_finished(self, job):
        raise RuntimeError("ended badly")

    @lithops.hookimpl
    def wrap_sink(self, sink):
        raise RuntimeError("wrapped badly")

    @lithops.hookimpl
    def close(self):
        raise RuntimeError("closed badly")
"""


@pytest.fixture
def clumsy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    info = site / "lithops_plugin_clumsy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lithops-plugin-clumsy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lithops.plugins]\nclumsy = lithops_plugin_clumsy:Clumsy\n")
    (site / "lithops_plugin_clumsy.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "lithops_plugin_clumsy", raising=False)


def test_events_of_a_plugin_that_raise_are_logged_and_change_nothing(
    clumsy: None, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    executor = make(2)
    futures = executor.map(lambda x: 1 // x, [1, 2, 0])
    results = executor.get_result(futures, throw_except=False)
    assert results[:2] == [1, 0]
    assert isinstance(results[2], ZeroDivisionError)
    executor.close()
    for hook in ("job_started", "calls_finished", "job_finished", "wrap_sink", "close"):
        assert f"failed in its hook {hook!r}; the job goes on without it" in caplog.text
    assert "clumsy" in caplog.text
    assert "lithops-plugin-clumsy 1.0" in caplog.text
