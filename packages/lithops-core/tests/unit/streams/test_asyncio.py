"""`AsyncFunctionExecutor`: results, errors, cancelling, and a loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from lithops import AsyncFunctionExecutor
from lithops.errors import BadCallError, CancelledError, ClosedError, PluginError

from .conftest import DEADLINE_S, Reluctant, gone, pass_gate
from .conftest import run_async as run

if TYPE_CHECKING:
    from .conftest import Gate


def double(x: int) -> int:
    return 2 * x


def fragile(x: int) -> int:
    if x == 3:
        raise ValueError("cannot do 3")
    return x


# --- results


def test_a_call_returns_its_result() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return await fexec.call_async(double, 4)

    assert run(main) == 8


def test_a_large_result_is_unpickled_beside_the_loop() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return await fexec.call_async(lambda n: [threading.get_native_id, "x" * n], 100_000)

    assert len(run(main)[1]) == 100_000


@pytest.mark.parametrize("items", [[], [5], range(2000)])
def test_a_map_returns_results_in_order(items: Any) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return await fexec.map(double, items)

    assert run(main) == [2 * x for x in items]


def test_a_map_takes_the_options_of_the_executor_s() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return await fexec.map(pow, [2, 3], extra_args=(2,), chunksize=1, timeout=60)

    assert run(main) == [4, 9]


def test_a_map_raises_the_first_error_or_returns_all() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        with pytest.raises(ValueError, match="cannot do 3"):
            await fexec.map(fragile, range(5))
        return await fexec.map(fragile, range(5), throw_except=False)

    assert [type(result) for result in run(main)] == [int, int, int, ValueError, int]


def test_map_reduce_returns_what_the_reducer_does() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return await fexec.map_reduce(double, range(5), sum)

    assert run(main) == 20


def test_as_completed_yields_futures_that_know_their_items() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return {future.index: future.result() async for future in fexec.as_completed(double, range(100))}

    assert run(main) == {x: 2 * x for x in range(100)}


def test_as_completed_waits_for_nobody(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        seen = []
        async for future in fexec.as_completed(lambda path: path and pass_gate(path), [gate.path, "", ""]):
            seen.append(future.index)
            if len(seen) == 2:
                gate.open()
        assert seen == [1, 2, 0] or seen == [2, 1, 0]

    run(main)


def test_tasks_of_a_group_share_an_executor() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fexec.call_async(double, x)) for x in range(300)]
        return [task.result() for task in tasks]

    assert run(main) == [2 * x for x in range(300)]


def test_the_executor_behind_tells_of_its_jobs() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        await fexec.map(double, range(3))
        assert fexec.executor.executor_id in repr(fexec)
        return [future.stats["attempt"] for future in fexec.executor.futures]

    assert run(main) == [1, 1, 1]


def test_two_loops_in_two_threads_use_one_executor() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> list[Any]:
        async def work() -> Any:
            return await fexec.map(double, range(500)), [x async for x in fexec.imap(double, range(500))]

        here = asyncio.create_task(work())
        there = await asyncio.to_thread(asyncio.run, work())
        return [*await here, *there]

    assert run(main) == [[2 * x for x in range(500)]] * 4


# --- the loop goes on


def test_submitting_does_not_block_the_loop() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        pickling, go_on = threading.Event(), threading.Event()
        task = asyncio.create_task(fexec.map(double, [Reluctant(pickling, go_on)]))
        while not pickling.is_set():
            await asyncio.sleep(0)
        go_on.set()
        return await task

    assert run(main) == [8]


# --- cancelling, closing


def test_cancelling_a_task_cancels_its_call(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        task = asyncio.create_task(fexec.call_async(pass_gate, gate.path))
        pid = await asyncio.to_thread(gate.arrival)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gone, pid)
        (future,) = fexec.executor.futures
        assert future.cancelled()

    run(main)


def test_a_timeout_cancels_a_map(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                task = asyncio.create_task(fexec.map(pass_gate, [gate.path] * 5))
                await asyncio.to_thread(gate.arrival)
                limit.reschedule(asyncio.get_running_loop().time())
                await task
        while not all(future.cancelled() for future in fexec.executor.futures):
            await asyncio.sleep(0)
        assert len(fexec.executor.futures) == 5
        assert await fexec.call_async(double, 4) == 8

    run(main)


def test_cancelling_while_a_job_is_submitted_cancels_the_job(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        pickling, go_on = threading.Event(), threading.Event()
        task = asyncio.create_task(fexec.map(double, [Reluctant(pickling, go_on)]))
        while not pickling.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        while not fexec.executor.futures or not fexec.executor.futures[0].ready:
            await asyncio.sleep(0)

    run(main)


def test_an_error_in_a_task_group_cancels_the_calls_of_the_others(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(fexec.call_async(pass_gate, gate.path))
                pid = await asyncio.to_thread(gate.arrival)
                group.create_task(fexec.call_async(fragile, 3))
        assert caught.group_contains(ValueError, match="cannot do 3")
        assert await asyncio.to_thread(gone, pid)

    run(main)


def test_closing_as_completed_early_cancels_the_rest(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        ended = fexec.as_completed(lambda path: path and pass_gate(path), ["", gate.path])
        assert (await anext(ended)).index == 0
        pid = await asyncio.to_thread(gate.arrival)
        await ended.aclose()  # type: ignore[attr-defined]
        assert await asyncio.to_thread(gone, pid)

    run(main)


def test_leaving_the_block_waits_for_what_runs(gate: Gate) -> None:
    async def main() -> Any:
        async with AsyncFunctionExecutor(worker_processes=1) as fexec:
            task = asyncio.create_task(fexec.call_async(pass_gate, gate.path))
            await asyncio.to_thread(gate.arrival)
            asyncio.get_running_loop().call_later(0.05, gate.open)
        return await task

    assert asyncio.run(asyncio.wait_for(main(), DEADLINE_S)) > 0


def test_an_error_that_leaves_the_block_cancels_what_runs(gate: Gate) -> None:
    async def main() -> None:
        with pytest.raises(OSError, match="enough"):
            async with AsyncFunctionExecutor(worker_processes=1) as fexec:
                task = asyncio.create_task(fexec.call_async(pass_gate, gate.path))
                await asyncio.to_thread(gate.arrival)
                raise OSError("enough")
        with pytest.raises(CancelledError):
            await task

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_closing_the_executor_ends_a_stream_that_is_being_read(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        task = asyncio.create_task(anext(fexec.imap(pass_gate, [gate.path])))  # type: ignore[arg-type]
        await asyncio.to_thread(gate.arrival)
        await fexec.close()
        with pytest.raises(CancelledError):
            await task
        with pytest.raises(ClosedError, match="was closed; make a new one"):
            await fexec.call_async(double, 4)
        await fexec.close()

    run(main)


def test_an_executor_is_closed_even_if_nobody_waits_for_that() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        busy, go_on = threading.Event(), threading.Event()
        fexec._helper.add(lambda: busy.set() or (go_on.wait(DEADLINE_S) and None))  # type: ignore[func-returns-value]
        assert await asyncio.to_thread(busy.wait, DEADLINE_S)
        closing = asyncio.create_task(fexec.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        go_on.set()
        while not fexec.executor._session.closed:
            await asyncio.sleep(0.001)

    run(main)


def test_what_fails_beside_the_loop_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        fexec._helper.add(lambda: 1 // 0)  # type: ignore[arg-type,return-value]
        return await fexec.call_async(double, 4)

    with caplog.at_level(logging.ERROR, "lithops"):
        assert run(main) == 8
    assert "work beside an event loop failed" in caplog.text


def test_an_executor_that_was_not_entered_says_so() -> None:
    fexec = AsyncFunctionExecutor()
    assert repr(fexec) == "<AsyncFunctionExecutor that was not entered yet>"
    with pytest.raises(ClosedError) as caught:
        asyncio.run(fexec.call_async(double, 4))
    assert str(caught.value) == "the executor is made by `async with`; use it inside of that block"


def test_what_is_wrong_with_the_configuration_is_said_on_entering() -> None:
    async def main() -> None:
        async with AsyncFunctionExecutor(backend="nowhere"):
            raise AssertionError("it was entered")

    with pytest.raises(PluginError, match="unknown compute backend 'nowhere'"):
        asyncio.run(main())


def test_what_cannot_become_a_call_is_said_where_it_is_awaited() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        with pytest.raises(BadCallError, match="'double' of type 'str'"):
            await fexec.map("double", [1])  # type: ignore[arg-type]
        with pytest.raises(BadCallError, match="'double' of type 'str'"):
            await anext(fexec.imap("double", [1]))  # type: ignore[arg-type]
        with pytest.raises(BadCallError, match="imap takes an iterable of items, found 5"):
            fexec.imap(double, 5)  # type: ignore[arg-type]

    run(main)


def test_no_thread_is_left() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        await fexec.map(double, range(10))
        assert [x async for x in fexec.imap(double, range(10))] == [2 * x for x in range(10)]

    run(main)
    for thread in threading.enumerate():
        if thread.name in {"lithops-asyncio", "lithops-items"}:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


def test_nothing_of_asyncio_is_imported_before_it_is_used(run_program: Any) -> None:
    done = run_program(
        "import sys, lithops\n"
        "with lithops.FunctionExecutor(worker_processes=1) as fexec:\n"
        "    list(fexec.imap(abs, range(3)))\n"
        "print('asyncio' in sys.modules, 'lithops.aio' in sys.modules)\n",
        "-S",
    )
    assert done.stdout == "False False\n"
