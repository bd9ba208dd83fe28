"""Streams on an event loop: order, back-pressure, errors, and how they end."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from lithops import AsyncFunctionExecutor
from lithops.errors import BadCallError

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


async def numbers(count: int | None = None) -> AsyncIterator[int]:
    for k in itertools.count() if count is None else range(count):
        await asyncio.sleep(0)
        yield k


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("buffer", [None, 1, 7])
def test_a_stream_gives_all_results(ordered: bool, is_async: bool, buffer: int | None) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        source = numbers(1000) if is_async else range(1000)
        return [x async for x in fexec.imap(double, source, ordered=ordered, buffer=buffer)]

    results = run(main)
    assert (results if ordered else sorted(results)) == [2 * x for x in range(1000)]


@pytest.mark.parametrize("buffer", [1, 5, 40])
def test_an_async_iterable_is_read_no_further_ahead_than_the_buffer(buffer: int) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        read, ahead = 0, []

        async def items() -> AsyncIterator[int]:
            for k in range(400):
                ahead.append(k + 1 - read)
                yield k

        async for _ in fexec.imap(double, items(), buffer=buffer):
            read += 1
        assert max(ahead) <= buffer + 1

    run(main)


def test_a_result_that_is_ready_does_not_wait_for_the_next_item() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        was_read = asyncio.Semaphore(0)

        async def items() -> AsyncIterator[int]:
            for k in range(20):
                yield k
                await was_read.acquire()

        async for _ in fexec.imap(double, items()):
            was_read.release()

    run(main)


def test_a_failed_call_raises_in_its_place_and_the_rest_can_be_read() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        results = fexec.imap(fragile, numbers(6))
        first = [await anext(results) for _ in range(3)]
        with pytest.raises(ValueError, match="cannot do 3"):
            await anext(results)
        return first + [x async for x in results]

    assert run(main) == [0, 1, 2, 4, 5]


def test_errors_stand_in_their_places_where_they_are_not_to_be_raised() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        return [x async for x in fexec.imap(fragile, range(5), throw_except=False)]

    assert [type(result) for result in run(main)] == [int, int, int, ValueError, int]


def test_an_error_of_the_async_iterable_follows_the_results_of_the_items_before() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        async def items() -> AsyncIterator[int]:
            for k in range(100):
                yield k
            raise OSError("the line is dead")

        results = fexec.imap(double, items())
        first = [await anext(results) for _ in range(100)]
        with pytest.raises(OSError, match="the line is dead"):
            await anext(results)
        assert [x async for x in results] == []
        return first

    assert run(main) == [2 * x for x in range(100)]


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
def test_an_async_iterable_that_raises_what_ends_tasks_does_not_end_who_reads(error: type[BaseException]) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        async def items() -> AsyncIterator[int]:
            yield 1
            raise error

        results = fexec.imap(double, items())
        assert await anext(results) == 2
        with pytest.raises(RuntimeError, match=f"^the iterable raised {error.__name__}$") as caught:
            await anext(results)
        assert isinstance(caught.value.__cause__, error)
        assert [x async for x in results] == []

    run(main)


def test_a_task_that_waits_gets_what_another_has_taken_for_it(gate: Gate) -> None:
    def work(x: int, path: str) -> int:
        if x == 0:
            pass_gate(path)
        return x

    async def main(fexec: AsyncFunctionExecutor) -> None:
        results = fexec.imap(work, range(20), extra_args=(gate.path,))  # the last ones go out, and come, together

        async def read() -> int:
            value: int = await anext(results, -1)
            return value

        tasks = [asyncio.create_task(read()) for _ in range(20)]
        await asyncio.to_thread(gate.arrival)
        assert await fexec.call_async(double, 1) == 2  # the others have had the time to end
        gate.open()
        assert sorted(await asyncio.gather(*tasks)) == list(range(20))
        assert [x async for x in results] == []

    run(main)


@pytest.mark.parametrize("is_async", [True, False])
def test_closing_a_stream_cancels_what_is_in_flight(gate: Gate, is_async: bool) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        async def paths() -> AsyncIterator[str]:
            while True:
                yield gate.path

        source = paths() if is_async else itertools.repeat(gate.path)
        async with fexec.imap(pass_gate, source) as results:
            task = asyncio.create_task(anext(results))  # type: ignore[arg-type]
            pid = await asyncio.to_thread(gate.arrival)
            await results.aclose()
            with pytest.raises(StopAsyncIteration):
                await task
            assert await asyncio.to_thread(gone, pid)
            assert [x async for x in results] == []
        assert await fexec.call_async(double, 4) == 8

    run(main)


def test_cancelling_who_reads_a_stream_cancels_what_is_in_flight(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        ended = asyncio.Event()

        async def paths() -> AsyncIterator[str]:
            try:
                yield gate.path
                await asyncio.sleep(1000)
            finally:
                ended.set()

        results = fexec.imap(pass_gate, paths())
        task = asyncio.create_task(anext(results))  # type: ignore[arg-type]
        pid = await asyncio.to_thread(gate.arrival)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gone, pid)
        await ended.wait()

    run(main)


def test_a_stream_that_nobody_holds_is_closed(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        results = fexec.imap(lambda path: path and pass_gate(path), itertools.chain([""], [gate.path] * 9))
        async for _ in results:
            break
        pid = await asyncio.to_thread(gate.arrival)
        del results
        assert await asyncio.to_thread(gone, pid)

    run(main)


def test_dropping_a_stream_lets_go_of_its_async_iterable() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        ended = asyncio.Event()

        async def items() -> AsyncIterator[int]:
            try:
                yield 1
                await asyncio.sleep(1000)
            finally:
                ended.set()

        results = fexec.imap(double, items())
        assert await anext(results) == 2
        del results
        await ended.wait()

    run(main)


class Source:
    """An async iterator that says when it was let go of."""

    def __init__(self, count: int) -> None:
        self.left = iter(range(count))
        self.closed = asyncio.Event()

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        for item in self.left:
            return item
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("count", [10, 10_000_000])
def test_an_async_iterator_is_closed_when_nobody_reads_it_on(count: int) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        source = Source(count)
        async with fexec.imap(double, source) as results:
            assert await anext(results) == 0
        await source.closed.wait()

    run(main)


def test_closing_a_stream_closes_the_stream_that_feeds_it(gate: Gate) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        inner = fexec.imap(str, itertools.count())
        async with fexec.imap(len, inner) as results:
            assert await anext(results) == 1
        assert [x async for x in inner] == []

    run(main)


def test_closing_a_stream_while_it_begins_leaves_nothing_behind() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        begun, go_on = threading.Event(), threading.Event()
        fexec._helper.add(lambda: begun.set() or (go_on.wait(DEADLINE_S) and None))  # type: ignore[func-returns-value]
        results = fexec.imap(double, itertools.count())
        task = asyncio.create_task(anext(results))  # type: ignore[arg-type]
        assert await asyncio.to_thread(begun.wait, DEADLINE_S)
        await results.aclose()
        go_on.set()
        with pytest.raises(StopAsyncIteration):
            await task

    run(main)


def test_options_that_make_no_sense_are_refused_at_once() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> None:
        with pytest.raises(
            TypeError, match=r"AsyncFunctionExecutor\.imap\(\) got an unexpected keyword argument 'foo'"
        ):
            fexec.imap(double, [1], foo=3)  # type: ignore[call-arg]  # that is the point
        with pytest.raises(BadCallError, match="chunksize must be a whole number from 1 up, found True"):
            fexec.imap(double, [1], chunksize=True)

    run(main)


# --- the loop goes on


@pytest.mark.parametrize("is_async", [True, False])
def test_a_stream_that_pickles_slowly_does_not_block_the_loop(is_async: bool) -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        pickling, go_on = threading.Event(), threading.Event()

        async def items() -> AsyncIterator[object]:
            yield Reluctant(pickling, go_on)

        source = items() if is_async else [Reluctant(pickling, go_on)]
        task = asyncio.create_task(anext(fexec.imap(double, source)))  # type: ignore[arg-type]
        while not pickling.is_set():
            await asyncio.sleep(0)
        go_on.set()
        return await task

    assert run(main) == 8


def test_an_iterable_that_blocks_does_not_block_the_loop() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> Any:
        reading, go_on = threading.Event(), threading.Event()

        def items() -> Iterator[int]:
            reading.set()
            assert go_on.wait(DEADLINE_S), "the event loop stood still"
            yield 4

        task = asyncio.create_task(anext(fexec.imap(double, items())))  # type: ignore[arg-type]
        while not reading.is_set():
            await asyncio.sleep(0)
        go_on.set()
        return await task

    assert run(main) == 8


def test_results_that_are_always_there_leave_room_for_other_tasks() -> None:
    async def main(fexec: AsyncFunctionExecutor) -> int:
        async with fexec.imap(double, itertools.count()) as results:
            read: list[int] = []

            async def take_turns() -> int:
                for _ in range(5):
                    await asyncio.sleep(0)
                return len(read)

            task = asyncio.create_task(take_turns())
            while len(read) < 20_000:
                read.append(await anext(results))
            return await task

    assert run(main) <= 5 * 512
