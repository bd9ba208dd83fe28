"""The handler runs what comes in a request, and answers whatever the calls do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from lithops import errors
from lithops.bundle.contents import collect
from lithops.bundle.folder import unpacked
from lithops.remote.envelope import Order, decode_reports, encode_order
from lithops.remote.handler import Handler
from lithops.types import Block, CallRange, Payload, Report
from lithops.worker import codec
from lithops.worker.failure import Failure
from lithops.worker.plan import CallPlan


@pytest.fixture
def handler() -> Iterator[Handler]:
    handler = Handler()
    yield handler
    handler.close()


def request(function: Callable[..., Any], *items: Any, timeout_s: float = 30, most: int | None = None) -> bytes:
    return encode_order(
        Order(
            activation_id="t-1",
            job_key="x-0-M000",
            ranges=(CallRange(first=5, count=len(items)),),
            timeout_s=timeout_s,
            function=Payload(body=cloudpickle.dumps(CallPlan(function))),
            blocks=(Block(first=5, count=len(items), payload=codec.encode_atoms(list(items))),),
            response_bytes=most,
        )
    )


def entries(reports: list[Report]) -> dict[int, object]:
    return {
        report.first + k: entry for report in reports for k, entry in enumerate(codec.decode_results(report.results))
    }


def failure(reports: list[Report]) -> BaseException:
    (found,) = entries(reports).values()
    assert isinstance(found, Failure)
    return found.exception()


def test_calls_run_and_are_reported(handler: Handler) -> None:
    reports = decode_reports(handler.handle(request(abs, -1, -2, -3)))
    assert entries(reports) == {5: 1, 6: 2, 7: 3}
    assert reports[-1].final
    assert {report.activation_id for report in reports} == {"t-1"}


def test_workers_stay_warm(handler: Handler) -> None:
    def pid(_: int) -> int:
        return os.getpid()

    data = request(pid, 1)
    first, second = (entries(decode_reports(handler.handle(data)))[5] for _ in range(2))
    assert first == second != os.getpid()


def test_a_call_that_exits_takes_only_its_worker_down(handler: Handler) -> None:
    assert isinstance(failure(decode_reports(handler.handle(request(os._exit, 3)))), errors.WorkerCrashedError)
    assert entries(decode_reports(handler.handle(request(abs, -4)))) == {5: 4}


def test_a_call_that_takes_too_long_is_ended(handler: Handler) -> None:
    reports = decode_reports(handler.handle(request(time.sleep, 1000, timeout_s=0.2)))
    assert isinstance(failure(reports), errors.CallTimeoutError)


def test_what_a_call_prints_goes_into_its_report_and_to_the_environment(
    handler: Handler, capfd: pytest.CaptureFixture[str]
) -> None:
    (report,) = decode_reports(handler.handle(request(print, "hello")))
    assert [log.tail for log in report.logs] == ["hello\n"]
    assert capfd.readouterr().out == "hello\n"


def test_a_result_too_large_is_an_error_with_sizes(handler: Handler) -> None:
    data = handler.handle(request(bytes, 100_000, most=5000))
    assert len(data) <= 5000
    found = failure(decode_reports(data))
    assert isinstance(found, errors.ResultTooLargeError)
    assert "the result has 100," in str(found)
    assert "5,000 at most" in str(found)


def test_what_is_no_activation_is_refused(handler: Handler) -> None:
    with pytest.raises(ValueError, match="5 bytes are no activation"):
        handler.handle(b"hello")


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from lithops.remote.handler import Handler
handler = Handler()
sys.stdout.buffer.write(handler.handle(sys.stdin.buffer.read()))
sys.stdout.flush()
handler.close()
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"pydantic", "pluggy", "click", "rich", "numpy"}), file=sys.stderr)
"""


def test_a_bundle_runs_a_call_with_nothing_else_there(tmp_path: Path) -> None:
    folder = unpacked(collect(), tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, folder],
        input=request(lambda x: x + 1, 41),
        capture_output=True,
        env={},
        cwd="/",
        check=True,
    )
    assert entries(decode_reports(done.stdout)) == {5: 42}
    assert done.stderr.decode() == "[]\n"
