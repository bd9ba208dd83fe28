"""CPython's own tests of multiprocessing, with `lithops.multiprocessing` in its place.

Run as `python -m lithops_standard_suite Class... -Class.test...`; each test's outcome is a line of JSON. Workers import
it, too, by name, to find the functions that the tests run as processes.
"""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import multiprocessing.heap
import multiprocessing.managers
import multiprocessing.pool
import multiprocessing.queues
import multiprocessing.sharedctypes
import multiprocessing.synchronize
import sys
import unittest
from typing import Any

import lithops.multiprocessing as ours
from lithops.multiprocessing import conditions, connection, managers, pool, queues, sharedctypes, synchronize
from lithops.multiprocessing.shared import Shared

for name in ours.__all__:
    setattr(multiprocessing, name, getattr(ours, name))
for home, module in (
    (multiprocessing.connection, connection),
    (multiprocessing.managers, managers),
    (multiprocessing.pool, pool),
    (multiprocessing.queues, queues),
    (multiprocessing.sharedctypes, sharedctypes),
    (multiprocessing.synchronize, synchronize),
    (multiprocessing.synchronize, conditions),
):
    for name, value in vars(module).items():
        of_ours = getattr(value, "__module__", "").startswith("lithops.multiprocessing")
        # The standard library's listeners and clients are ours where sockets are asked for, and need its connections.
        if of_ours and not name.startswith("_") and name != "Connection":
            setattr(home, name, value)


class SharedBlock(Shared):
    """Bytes that processes share: what the tests take from the inside of the standard library."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def create_memoryview(self) -> memoryview:
        view = self._carrier.map(self._key, self._size)
        assert view is not None
        return view


multiprocessing.heap.BufferWrapper = SharedBlock  # type: ignore[misc, assignment]

from test import _test_multiprocessing as standard  # noqa: E402 - sees what was put in place
from test import support  # noqa: E402 - as above

# It counts semaphores that conditions of the standard library are made of.
standard._TestCondition.check_invariant = lambda self, condition: None
support.SHORT_TIMEOUT = support.LONG_TIMEOUT  # each process imports these tests before it begins
standard.install_tests_in_module_dict(globals(), ours.get_start_method())


class Outcomes(unittest.TextTestResult):
    """Tells each outcome on standard output as it comes."""

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._tell(test, "started")

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._tell(test, "passed")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._tell(test, "skipped", reason)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self._tell(test, "failed", self._exc_info_to_string(err, test))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self._tell(test, "failed", self._exc_info_to_string(err, test))

    def _tell(self, test: unittest.TestCase, outcome: str, why: str = "") -> None:
        parts = test.id().split(".")
        line = json.dumps({"test": ".".join(parts[-2:]), "outcome": outcome, "why": why})
        print(f"\n@@{line}", file=sys.__stdout__, flush=True)


def cases(names: list[str]) -> unittest.TestSuite:
    """Return the tests of these names, without those whose names are given with a dash."""
    import lithops_standard_suite  # the tests are those of the module, which workers can import

    left_out = {name[1:] for name in names if name.startswith("-")}
    chosen = unittest.TestSuite()
    for name in names:
        if not name.startswith("-"):
            for case in unittest.defaultTestLoader.loadTestsFromName(name, lithops_standard_suite):
                if ".".join(case.id().split(".")[-2:]) not in left_out:
                    chosen.addTest(case)
    return chosen


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print(json.dumps([name for name, value in vars().items() if isinstance(value, type) and "Test" in name]))
    else:
        unittest.TextTestRunner(resultclass=Outcomes).run(cases(sys.argv[1:]))
