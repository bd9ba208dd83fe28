"""Runs the interpreter's own tests of `concurrent.futures` against ours; prints what became of each, as JSON.

A program of its own: those tests reap children, count threads and replace standard streams.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import io
import json
import multiprocessing
import sys
import types
import unittest
from typing import Any

from lithops.concurrent import futures as ours

SUITE = "test.test_concurrent_futures"
MIXINS = {
    "test_process_pool": ("ProcessPoolExecutorTest",),
    "test_as_completed": ("AsCompletedTests",),
    "test_wait": ("WaitTests",),
    "test_shutdown": ("ProcessPoolShutdownTest",),
    "test_deadlock": ("ExecutorDeadlockTest",),
    "test_init": ("InitializerMixin", "FailingInitializerMixin"),
}


def overlaid() -> types.ModuleType:
    """Return what the tests are to take for `concurrent.futures`: ours, over the standard module."""
    module = types.ModuleType("futures")
    vars(module).update(vars(concurrent.futures))
    vars(module).update({name: getattr(ours, name) for name in ours.__all__})
    module.process = importlib.import_module("concurrent.futures.process")  # type: ignore[attr-defined]
    return module


def load(name: str) -> Any:
    """Import a module of the suite, which then tests ours."""
    module = importlib.import_module(f"{SUITE}.{name}")
    module.futures = overlaid()  # type: ignore[attr-defined]
    return module


def cases() -> unittest.TestSuite:
    """Make the test cases, as the suite does for the standard executors."""
    util = importlib.import_module(f"{SUITE}.util")
    script_helper = importlib.import_module("test.support.script_helper")

    class LithopsMixin(util.ExecutorMixin):  # type: ignore[misc, name-defined]  # the suite has no types
        executor_type = ours.ProcessPoolExecutor

        def get_context(self) -> Any:
            return multiprocessing.get_context("spawn")

    def with_ours(option: str, program: str) -> Any:
        return script_helper.assert_python_ok(
            option, program.replace("concurrent.futures", "lithops.concurrent.futures")
        )

    made: dict[str, Any] = {"__name__": __name__}
    for name, mixins in MIXINS.items():
        module = load(name)
        if name == "test_shutdown":
            module.assert_python_ok = with_ours
            module.futures.ProcessPoolExecutor = None  # the suite skips what hangs with the standard one
        for mixin in mixins:
            util.create_executor_tests(made, getattr(module, mixin), executor_mixins=(LithopsMixin,))
    util.Future = ours.Future
    module = load("test_future")
    module.Future = ours.Future
    for constant in [name for name in vars(module) if name.endswith("_FUTURE")]:
        old = getattr(module, constant)
        setattr(module, constant, util.create_future(old._state, old._exception, old._result))
    found = [cls for cls in made.values() if isinstance(cls, type)]
    load_all = unittest.defaultTestLoader.loadTestsFromTestCase
    return unittest.TestSuite(load_all(cls) for cls in (*found, module.FutureTests))


class Outcomes(unittest.TestResult):
    """Keeps what became of each test."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, tuple[str, str]] = {}

    def note(self, test: Any, outcome: str, why: str = "") -> None:
        key = f"{type(test).__name__}.{test._testMethodName}"
        self.found.setdefault(key, (outcome, why))

    def addSuccess(self, test: Any) -> None:
        self.note(test, "passed")

    def addError(self, test: Any, err: Any) -> None:
        self.note(getattr(test, "test_case", test), "failed", self._exc_info_to_string(err, test))

    addFailure = addError

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.addError(test, err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.note(test, "skipped", reason)


def main(patterns: list[str]) -> None:
    """Run all tests, or those whose names hold one of the patterns."""
    if patterns:
        unittest.defaultTestLoader.testNamePatterns = [f"*{pattern}*" for pattern in patterns]
    outcomes = Outcomes()
    stream, sys.stdout = sys.stdout, io.StringIO()
    cases().run(outcomes)
    sys.stdout = stream
    print(json.dumps(outcomes.found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
