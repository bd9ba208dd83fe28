"""What users do with a serverless backend, end to end, as tests that every such backend runs.

    class TestAcmeRuns(ServerlessRunsContract):
        backend = "acme"

        @pytest.fixture
        def section(self, acme_server):
            return {"endpoint": acme_server.url, "token": "..."}

The functions are defined inside of the tests, so that they travel by value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

import lithops
from lithops.errors import CallTimeoutError, LithopsError, WorkerCrashedError
from lithops_testing.contract import Contract

CALLS = 40


class ServerlessRunsContract(Contract):
    """Subclass this, set `backend`, and give the fixture `section`.

    Where workers run on other machines, override `configuration` with one that has a storage that they reach.
    """

    backend: ClassVar[str]
    monitoring: ClassVar[str] = "auto"
    """How results come back; a backend with two ways has a subclass for each."""
    wait_s: ClassVar[float] = 120.0
    """What anything here may take at the service."""

    @pytest.fixture
    def section(self) -> Mapping[str, object]:
        """The backend's section of the configuration, as a file would have it. Yours to give."""
        raise NotImplementedError("give a fixture `section`: what the configuration says of the backend")

    @pytest.fixture
    def configuration(self, section: Mapping[str, object]) -> dict[str, object]:
        """The configuration that executors are made with."""
        general = {"backend": self.backend, "monitoring": self.monitoring, "log_level": None}
        return {"lithops": general, self.backend: dict(section)}

    @pytest.fixture
    def fexec(self, configuration: dict[str, object]) -> Iterator[lithops.FunctionExecutor]:
        """An executor on the backend; what it deployed is removed at the end."""
        with lithops.FunctionExecutor(config=configuration) as made:
            yield made
            made.clean(clean_cloudobjects=False)

    def test_a_map_returns_results_in_order(self, fexec: lithops.FunctionExecutor) -> None:
        futures = fexec.map(lambda x: x * x, range(CALLS))
        assert fexec.get_result(futures, timeout=self.wait_s) == [x * x for x in range(CALLS)]

    def test_results_of_none_are_kept(self, fexec: lithops.FunctionExecutor) -> None:
        futures = fexec.map(lambda x: x or None, [0, 1, 0])
        assert fexec.get_result(futures, timeout=self.wait_s) == [None, 1, None]

    def test_a_map_and_its_reduction(self, fexec: lithops.FunctionExecutor) -> None:
        futures = fexec.map_reduce(lambda x: x + 1, range(10), sum)
        assert fexec.get_result(futures, timeout=self.wait_s) == 55

    def test_calls_of_one_worker_may_be_several(self, fexec: lithops.FunctionExecutor) -> None:
        futures = fexec.map(lambda x: -x, range(CALLS), chunksize=7)
        assert fexec.get_result(futures, timeout=self.wait_s) == [-x for x in range(CALLS)]

    def test_an_error_has_the_users_own_type(self, fexec: lithops.FunctionExecutor) -> None:
        class OutOfPaint(Exception):
            pass

        def paint(colour: str) -> str:
            if colour == "red":
                raise OutOfPaint(colour)
            return colour

        futures = fexec.map(paint, ["blue", "red"])
        with pytest.raises(OutOfPaint, match="red"):
            fexec.get_result(futures, timeout=self.wait_s)
        blue, red = fexec.get_result(futures, throw_except=False, timeout=self.wait_s)
        assert blue == "blue"
        assert isinstance(red, OutOfPaint)

    def test_what_a_call_prints_comes_back(self, fexec: lithops.FunctionExecutor) -> None:
        def greet(name: str) -> None:
            print(f"hello {name}")  # noqa: T201 - what is tested

        future = fexec.call_async(greet, "there")
        future.result(timeout=self.wait_s)
        assert "hello there" in (future.logs or "")

    def test_a_call_that_crashes_fails_alone(self, fexec: lithops.FunctionExecutor) -> None:
        def leave(code: int) -> int:
            import os

            return os._exit(code) if code else 0

        found = fexec.get_result(fexec.map(leave, [0, 3, 0]), throw_except=False, timeout=self.wait_s)
        assert [found[0], type(found[1]), found[2]] == [0, WorkerCrashedError, 0]

    def test_a_call_that_runs_too_long_is_ended(self, fexec: lithops.FunctionExecutor) -> None:
        def linger(x: int) -> None:
            import threading

            threading.Event().wait(120)

        future = fexec.call_async(linger, 1, timeout=1)
        with pytest.raises(CallTimeoutError):
            future.result(timeout=self.wait_s)

    def test_a_large_input_and_its_result_take_another_way_than_small_ones(
        self, fexec: lithops.FunctionExecutor
    ) -> None:
        size = fexec._session.limits.request_bytes + fexec._session.limits.response_bytes + 1
        future = fexec.call_async(lambda data: data[::-1], b"x" + bytes(size))
        assert future.result(timeout=self.wait_s) == bytes(size) + b"x"

    def test_a_second_executor_finds_the_runtime(
        self, fexec: lithops.FunctionExecutor, configuration: dict[str, object]
    ) -> None:
        with lithops.FunctionExecutor(config=configuration) as other:
            assert other.get_result(other.map(lambda x: x, [1, 2]), timeout=self.wait_s) == [1, 2]

    def test_a_closed_executor_leaves_no_call_waiting(self, configuration: dict[str, object]) -> None:
        def linger(x: int) -> None:
            import threading

            threading.Event().wait(30)

        fexec = lithops.FunctionExecutor(config=configuration)
        future = fexec.call_async(linger, 1)
        fexec.close()
        with pytest.raises(LithopsError):
            future.result(timeout=self.wait_s)
