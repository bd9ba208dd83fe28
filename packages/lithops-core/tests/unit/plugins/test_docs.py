"""The tutorial does what it says, and the reference is complete."""

from __future__ import annotations

import inspect
import os
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lithops.hookspecs import SPECS
from lithops.plugins import Plugins, config_model, find, load, open_plugins
from lithops.types import Activation, Block, CallRange, CallState, Lane, Payload, Receipt, Report
from lithops.worker import codec
from lithops.worker.failure import Failure
from lithops.worker.plan import CallPlan

PAGE = Path(__file__).parents[5] / "docs" / "plugins.md"
BLOCKS = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S))


def divide(x: int) -> object:
    return {"half": 6 / x}


class Source:
    """The inputs of a job, three to a block."""

    function = Payload(body=pickle.dumps(CallPlan(divide), 5))
    shared: tuple[memoryview, ...] = ()

    def __init__(self, items: Sequence[object]) -> None:
        self._items = items

    def block_of(self, call: int) -> Block:
        first = call - call % 3
        items = list(self._items[first : first + 3])
        return Block(first=first, count=len(items), payload=codec.encode_atoms(items))


class Collector:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.reports: list[Report] = []
        self.refusals: list[Exception] = []
        self.ended = threading.Event()

    def accepted(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    def reported(self, reports: Sequence[Report]) -> None:
        self.reports += reports
        if any(report.final for report in reports):
            self.ended.set()

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        self.refusals.append(error)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, build_and_install: Any) -> Path:
    """Return the folder of the tutorial, with `site` in it where it is installed."""
    folder = tmp_path_factory.mktemp("tutorial")
    for path, code in BLOCKS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(code)
    (folder / "src/lithops_backend_threads/__init__.py").touch()
    build_and_install(folder / "site", [folder])
    return folder


@pytest.fixture
def installed_tutorial(tutorial: Path, monkeypatch: pytest.MonkeyPatch, forget_modules: None) -> None:
    monkeypatch.syspath_prepend(str(tutorial / "site"))
    monkeypatch.syspath_prepend(str(tutorial))


def activation(source: Source, count: int) -> Activation:
    return Activation(
        activation_id="a0",
        job_key="ab12cd-0-M000",
        ranges=(CallRange(first=0, count=count, attempt=2),),
        lane=Lane.STREAM,
        timeout_s=10.0,
        deadline=float("inf"),
        source=source,
    )


def test_the_tutorials_backend_runs_calls(installed_tutorial: None) -> None:
    plugins = open_plugins(compute="threads")
    sink = Collector()
    plugins.invoke([activation(Source([1, 2, 0, 3, 6]), 5)], sink)  # type: ignore[arg-type]
    assert sink.ended.wait(10)
    plugins.close()
    assert [receipt.activation_ids for receipt in sink.receipts] == [("a0",)]
    results = {report.first: codec.decode_results(report.results)[0] for report in sink.reports}
    states = {report.first: report.states for report in sink.reports}
    failed = results.pop(2)
    assert {call: result.load() for call, result in results.items()} == {  # type: ignore[attr-defined]
        0: {"half": 6.0},
        1: {"half": 3.0},
        3: {"half": 2.0},
        4: {"half": 1.0},
    }
    assert isinstance(failed, Failure)
    assert isinstance(failed.exception(), ZeroDivisionError)
    assert states[2] == bytes([CallState.ERROR])
    assert {report.attempt for report in sink.reports} == {2}
    assert [report.final for report in sink.reports] == [False] * 4 + [True]


def test_a_function_that_cannot_be_loaded_is_refused_by_the_tutorials_backend(installed_tutorial: None) -> None:
    source = Source([1])
    source.function = Payload(body=b"not a pickle")
    plugins = open_plugins(compute="threads")
    sink = Collector()
    plugins.invoke([activation(source, 1)], sink)  # type: ignore[arg-type]
    plugins.close()
    assert [type(error).__name__ for error in sink.refusals] == ["UnpicklingError"]


def test_the_tutorials_config_is_found_and_used(installed_tutorial: None) -> None:
    model = config_model(load(find("compute", "threads")))
    assert model is not None
    assert model.model_validate({"threads": 3}).threads == 3  # type: ignore[attr-defined]


def test_the_tutorials_contract_tests_pass(tutorial: Path) -> None:
    paths = [str(tutorial / "site"), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "tests"],
        cwd=tutorial,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"\b1\d passed", run.stdout), run.stdout


def test_the_plugins_that_look_on_see_what_they_should(installed_tutorial: None) -> None:
    from counter import Counter  # type: ignore[import-not-found]
    from stopwatch import Stopwatch  # type: ignore[import-not-found]

    counter, stopwatch = Counter(), Stopwatch()
    plugins = Plugins(load(find("compute", "threads"))(), others=[counter, stopwatch])
    sink = Collector()
    plugins.invoke([activation(Source([1, 2]), 2)], plugins.wrap_sink(sink))  # type: ignore[arg-type]
    assert sink.ended.wait(10)
    plugins.close()
    assert counter.accepted == 1
    assert stopwatch.seconds > 0
    assert len(sink.reports) == 2


def test_every_hook_is_in_the_reference_with_its_parameters_and_its_answer() -> None:
    rows = set(re.findall(r"^\| `(\w+\([\w, ]*\))` \| `([^`]+)` \| \S", PAGE.read_text(), re.M))
    expected = set()
    for spec in SPECS:
        for name, member in vars(spec).items():
            if hasattr(member, "lithops_spec"):
                parameters = ", ".join(list(inspect.signature(member).parameters)[1:])
                expected.add((f"{name}({parameters})", member.__annotations__["return"].replace("|", "\\|")))
    assert rows == expected
