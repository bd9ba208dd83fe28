"""Futures of any executor can be awaited."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from lithops import FunctionExecutor
from lithops.errors import CancelledError
from lithops.future import ResponseFuture

from .conftest import DEADLINE_S, pass_gate

if TYPE_CHECKING:
    from .conftest import Gate, Program


def double(x: int) -> int:
    return 2 * x


def fail(x: int) -> None:
    raise ValueError(f"cannot do {x}")


def in_time(main: object) -> object:
    """Run a coroutine on a loop of its own; fail if it hangs."""
    return asyncio.run(asyncio.wait_for(main, DEADLINE_S))  # type: ignore[arg-type]


async def result_of(future: ResponseFuture) -> object:
    return await future


def test_a_future_gives_its_result(fexec: FunctionExecutor) -> None:
    async def main() -> list[object]:
        return [await fexec.call_async(double, 4), await fexec.call_async(double, 5)]

    assert in_time(main()) == [8, 10]


def test_a_future_that_has_ended_gives_its_result_at_once(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(double, 4)
    future.result()
    waiting = future.__await__()
    with pytest.raises(StopIteration) as caught:
        next(waiting)
    assert caught.value.value == 8


def test_a_future_raises_what_the_call_raised(fexec: FunctionExecutor) -> None:
    future = fexec.call_async(fail, 4)
    with pytest.raises(ValueError, match="cannot do 4"):
        in_time(result_of(future))
    assert future.state == "Error"


def test_ten_thousand_futures_are_awaited_at_once(fexec: FunctionExecutor) -> None:
    futures = fexec.map(double, range(10_000))

    async def main() -> list[object]:
        threads = threading.active_count()
        results = await asyncio.gather(*futures)
        assert threading.active_count() <= threads + 1
        return results

    assert in_time(main()) == [2 * x for x in range(10_000)]


def test_several_tasks_await_one_future(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(result_of(future)) for _ in range(10)]
            group.create_task(asyncio.to_thread(gate.open))
        assert {task.result() for task in tasks} == {future.result()}

    in_time(main())


def test_cancelling_who_awaits_leaves_the_call_and_the_loop_alone(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)

    async def main() -> None:
        task = asyncio.create_task(result_of(future))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await future
        assert future.running
        gate.open()
        assert await future == future.result()

    in_time(main())
    assert not future._job.table._callbacks


def test_a_cancelled_call_raises_the_library_s_error(fexec: FunctionExecutor, gate: Gate) -> None:
    future = fexec.call_async(pass_gate, gate.path)

    async def main() -> None:
        task = asyncio.create_task(result_of(future))
        await asyncio.to_thread(gate.arrival)
        future.cancel()
        with pytest.raises(CancelledError, match="the call was cancelled"):
            await task

    in_time(main())


def test_two_loops_in_two_threads_await_futures_of_one_executor(fexec: FunctionExecutor) -> None:
    results: list[object] = []

    async def main(first: int) -> list[object]:
        return await asyncio.gather(*fexec.map(double, range(first, first + 1000)))

    threads = [threading.Thread(target=lambda k=k: results.append(in_time(main(k)))) for k in (0, 1000)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(results) == [[2 * x for x in range(k, k + 1000)] for k in (0, 1000)]  # type: ignore[type-var]


def test_a_loop_that_is_closed_with_calls_in_flight_does_no_harm(run_program: Program) -> None:
    done = run_program(
        "import asyncio, sys, lithops\n"
        "def wait(name):\n"
        "    open(name).read()\n"
        "    return 'passed'\n"
        "import os\n"
        "os.mkfifo('fifo')\n"
        "fexec = lithops.FunctionExecutor(worker_processes=1)\n"
        "future = fexec.call_async(wait, os.path.abspath('fifo'))\n"
        "async def main():\n"
        "    asyncio.ensure_future(future)\n"
        "    await asyncio.sleep(0)\n"
        "loop = asyncio.new_event_loop()\n"
        "task = loop.create_task(main())\n"
        "loop.run_until_complete(task)\n"
        "for left in asyncio.all_tasks(loop):\n"
        "    left._log_destroy_pending = False\n"
        "loop.close()\n"
        "open('fifo', 'w').close()\n"
        "print(future.result())\n"
        "fexec.close()\n",
        *("-W", "error", "-X", "dev"),
    )
    assert done.stdout == "passed\n"
    assert "Event loop is closed" not in done.stderr
