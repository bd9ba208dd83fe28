"""`AsyncResultStream`: the results of a stream of calls on an event loop, with items from any iterable."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lithops.jobs.awaiting import Alarm
from lithops.stream import ENDS, let_go, outcome, start_feeding, told_apart

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lithops.aio.helper import Helper
    from lithops.jobs.flow import Flow


class AsyncResultStream(AsyncIterator[Any]):
    """The results of `AsyncFunctionExecutor.imap`. An async context manager; `aclose()` cancels what is in flight.

    It begins when its first result is asked for. A call that failed raises its error in its place; the next result can
    be read after that. Cancelling who waits for a result closes the stream, as it would an async generator.
    """

    def __init__(
        self,
        begin: Callable[[], Flow],
        items: AsyncIterable[object] | Iterable[object],
        helper: Helper,
        *,
        throw_except: bool,
    ) -> None:
        """`begin` makes the flow, on the helper's thread."""
        self._begin, self._items, self._helper = begin, items, helper
        self._throw_except = throw_except
        self._taken: deque[object] = deque()
        self._reading = asyncio.Lock()
        self._flow: Flow | None = None
        self._alarm: Alarm | None = None
        self._feeding: asyncio.Task[None] | None = None
        self._closed = False

    async def __anext__(self) -> Any:
        while not self._taken:
            await self._wait()
        return outcome(self._taken.popleft(), throw_except=self._throw_except)

    async def _wait(self) -> None:
        try:
            async with self._reading:
                await asyncio.sleep(0)  # results that are always there must not keep the loop from others
                if self._taken:  # by another task, meanwhile
                    return
                if self._closed:
                    raise StopAsyncIteration
                flow, alarm = await self._opened()
                while (taken := flow.take()) == []:
                    await alarm.wait()
                if taken is None or self._closed:
                    raise StopAsyncIteration
                self._taken.extend(taken)
        except asyncio.CancelledError:
            self._close()
            raise

    async def _opened(self) -> tuple[Flow, Alarm]:
        if self._flow is None or self._alarm is None:
            flow = await self._helper.do(self._begin, lambda flow: flow.close())
            self._flow, self._alarm = flow, Alarm()
            flow.on_outcome = self._alarm.ring
            weakref.finalize(self, let_go, flow, os.getpid()).atexit = False
            flow.spread = self._helper.add
            if self._closed:  # meanwhile
                self._helper.add(flow.close)
            elif isinstance(self._items, AsyncIterable):
                self._feeding = asyncio.create_task(_feed(flow, self._items))
                weakref.finalize(self, _cancel, asyncio.get_running_loop(), self._feeding).atexit = False
            else:
                start_feeding(flow, self._items)
        return self._flow, self._alarm

    async def aclose(self) -> None:
        """Cancel what is in flight and give up what was not read; harmless when repeated."""
        self._close()
        if self._feeding is not None:
            await asyncio.wait([self._feeding])

    def _close(self) -> None:
        self._closed = True
        self._taken.clear()
        if self._feeding is not None:
            self._feeding.cancel()
        if self._flow is not None:
            self._helper.add(self._flow.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _cancel(loop: asyncio.AbstractEventLoop, feeding: asyncio.Task[None]) -> None:
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(feeding.cancel)


async def _feed(flow: Flow, items: AsyncIterable[object]) -> None:
    """Read items on the loop, as many as there is room for, and let go of what they come from."""
    alarm = Alarm()
    flow.on_room = alarm.ring
    try:
        source = aiter(items)
        try:
            async for item in source:
                if not flow.put(item) and not flow.is_finished:
                    await alarm.wait()
                if flow.is_finished:
                    break
        finally:
            if isinstance(source, _Closable):
                await source.aclose()
    except BaseException as error:  # noqa: BLE001 - the user's code; who reads the results hears of it
        flow.finish(told_apart(error, "the iterable", (*ENDS, asyncio.CancelledError)))
    else:
        flow.finish()


@runtime_checkable
class _Closable(Protocol):
    """What is to be told that nobody reads on, such as an async generator."""

    def aclose(self) -> Awaitable[object]:
        """Let go of everything."""
