"""What users do with a backend that runs calls in arrays, as tests that every such backend runs.

    class TestAcmeArrays(ArrayContract):
        backend = "acme_batch"

        @pytest.fixture
        def section(self, acme_server):
            return {"endpoint": acme_server.url, "token": "..."}

The functions are defined inside of the tests, so that they travel by value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops.errors import CancelledError
from lithops_testing.serverless_runs import ServerlessRunsContract

if TYPE_CHECKING:
    import lithops


class ArrayContract(ServerlessRunsContract):
    """Subclass this, set `backend`, and give the fixture `section`. Beside its own, it has the promises of all runs."""

    def test_results_come_through_the_store(self, fexec: lithops.FunctionExecutor) -> None:
        futures = fexec.map(lambda x: x + 1, range(5))
        assert fexec.get_result(futures, timeout=self.wait_s) == [1, 2, 3, 4, 5]
        assert {future.stats["lane"] for future in futures} == {"storage"}

    def test_inputs_of_any_size_find_their_call(self, fexec: lithops.FunctionExecutor) -> None:
        items = [bytes([k]) * size for k, size in enumerate((0, 10, 100_000, 3, 2_000_000, 50_000))]
        futures = fexec.map(lambda data: (len(data), data[:1]), items)
        assert fexec.get_result(futures, timeout=self.wait_s) == [(len(data), data[:1]) for data in items]

    def test_what_is_cancelled_is_ended(self, fexec: lithops.FunctionExecutor) -> None:
        def linger(x: int) -> int:
            import threading

            if x:
                threading.Event().wait(self_wait_s)
            return x

        self_wait_s = self.wait_s
        futures = fexec.map(linger, [0, 1, 2])
        for future in futures[1:]:
            future.cancel()
        assert futures[0].result(timeout=self.wait_s) == 0
        found = fexec.get_result(futures[1:], throw_except=False, timeout=self.wait_s)
        assert [type(error) for error in found] == [CancelledError] * 2
