"""The worker's loop: take a range of calls off the stream, run it call by call, report.

Single-threaded, because user code may fork. Each call first claims a token from a pipe that the driver reads too: a
token that the driver has taken back is a call that somebody else runs.
"""

from __future__ import annotations

import os
import pickle
import time
from typing import TYPE_CHECKING, NoReturn

from lithops import errors
from lithops.pool import frames
from lithops.pool.frames import Connection, Frame
from lithops.types import LogSlice
from lithops.worker import call_index, codec, context, failure, page
from lithops.worker.batch import DONE, ERROR, Batch
from lithops.worker.meter import Meter, Usage
from lithops.worker.plan import CallPlan
from lithops.worker.refusal import Caller, Refusal, cannot_load, guarded, refusing

if TYPE_CHECKING:
    from lithops.worker.output import OutputFile

FLUSH_S = 0.001
"""Results of short calls are reported together, at most this late."""


class Loop:
    """One worker on one stream."""

    def __init__(
        self,
        connection: Connection,
        *,
        tokens: int | None,
        slot: int,
        area: memoryview | None,
        output: OutputFile,
        memory_mb: int | None,
        memory_enforced: bool = True,
    ) -> None:
        self._connection = connection
        self._tokens = tokens
        self._held: int | None = None
        self._mark = page.Mark(area, slot)
        self._output = output
        self._memory_mb = memory_mb
        # Where the kernel does not enforce the limit, it is checked after each call.
        self._rss_kb = memory_mb * 1024 if memory_mb is not None and not memory_enforced else None
        self._functions: dict[int, Caller | Frame] = {}  # a frame as long as nobody has called the function
        self._envs: dict[int, dict[str, str]] = {}
        self._env: dict[str, str] | None = None
        self._shadowed: dict[str, str | None] = {}
        self._segments: dict[int, memoryview] = {}
        self._block: Frame | None = None
        self._reader: codec.ItemReader | None = None  # of the block, once it is needed
        self._retiring = False
        self._batch = Batch(connection, self._explain)
        self._meter = Meter(always=self._rss_kb is not None)
        self._child = False
        context.current.retire = self._retire
        os.register_at_fork(after_in_child=self._became_child)

    def run(self) -> None:
        """Serve until the driver says goodbye or is gone."""
        connection = self._connection
        while True:
            try:
                frame = connection.next()
            except EOFError:
                return
            kind = frame.kind
            if kind == frames.RANGE:
                self._run(frame)
            elif kind == frames.BLOCK:
                self._block, self._reader = frame, None
            elif kind == frames.FUNCTION:
                self._functions[frame.a] = frame
            elif kind == frames.FORGET:
                self._functions.pop(frame.a, None)
                self._envs.pop(frame.a, None)
            elif kind == frames.SEGMENT:
                self._segments[frame.a] = memoryview(frame.body).toreadonly()
            elif kind == frames.RELEASE:
                self._segments.pop(frame.a, None)
                self._block = self._reader = None
            elif kind == frames.BYE:
                return

    def _run(self, frame: Frame) -> None:
        """Run the calls of a range, as far as their tokens are still there."""
        epoch, first, count = frame.epoch, frame.b, frame.c
        if not self._claim(epoch):
            return
        key, _, poison = bytes(frame.body).partition(b"\0")
        context.current.job_key = key.decode()
        self._mark(first, time.perf_counter())  # what is loaded may crash: the page says what it was
        found = self._functions[frame.a]
        call = found if not isinstance(found, Frame) else self._load(found)
        env = self._envs.get(frame.a)
        if env is not self._env:
            self._change_env(env)
        try:
            base, items = self._read_items(first, count, poison)
        except MemoryError as error:
            base, items, call = first, [None] * count, refusing(self._explain(error))
        if self._reader is not None and self._reader.failed:
            call = guarded(call)
        batch = self._batch
        batch.begin(epoch, first)
        tokens, held, clock, mark = self._tokens, self._held, time.perf_counter, self._mark
        current, read, advance = context.current, os.read, self._output.advance
        add, measure = batch.add, self._meter.measure
        self._meter.restart()
        flushed = clock()
        for index in range(first, first + count):
            if tokens is not None:
                if held is None:
                    try:
                        held = read(tokens, 1)[0]
                    except BlockingIOError:
                        break  # taken back
                if held != epoch:
                    break  # a token of a later range: those of this one were taken back
                held = None
            current.call = index
            begin = clock()
            mark(index, begin)
            try:
                result = call(items[index - base], index)
                state = DONE
            except BaseException as error:  # noqa: BLE001 - the border to user code
                result, state = self._explain(error), ERROR
            end = clock()
            if self._child:
                os._exit(0)  # a child that user code forked and let return: it must not speak on our stream
            usage = measure(end - begin)
            if self._rss_kb is not None and usage.peak_kb > self._rss_kb:
                self._outgrown(batch, index, begin, end, usage)
            add(state, result, begin, end, usage)
            written = advance()
            if written is not None:
                self._log(batch, index, written)
            if self._retiring:
                self._leave(batch)
            if end - flushed > FLUSH_S or batch.must_flush:
                batch.flush()
                flushed = clock()
        self._held = held
        batch.flush()
        if self._retiring:
            self._leave(batch)
        mark.idle()
        self._output.restore()  # what user code did to it, once nobody waits for us

    def _claim(self, epoch: int) -> bool:
        """Take the first token of a range, so that nothing is loaded for calls that were taken back."""
        if self._tokens is None:
            return True
        if self._held is None:
            try:
                self._held = os.read(self._tokens, 1)[0]
            except BlockingIOError:
                return False
        return self._held == epoch

    def _read_items(self, first: int, count: int, poison: bytes) -> tuple[int, list[object]]:
        """Return the items of the block, loaded as far as this range goes, and the call of the first of them.

        `poison` names calls whose items took a worker down when they were loaded.
        """
        block = self._block
        if block is None:
            return first, []
        if block.error is not None:
            raise MemoryError(str(block.error))
        if self._reader is None:
            self._reader = codec.ItemReader(memoryview(block.body), self._buffers(block))
        base, end, say = block.b, first + count, self._mark.loading
        skip = {call - base for call in memoryview(poison).cast("Q") if not first <= call < end} if poison else ()
        self._reader.read(end - base, lambda k: say(base + k), skip)
        say(page.IDLE)
        return base, self._reader.items

    def _buffers(self, frame: Frame) -> list[memoryview]:
        return [self._segments[x] if isinstance(x, int) else x for x in frame.buffers]

    def _load(self, frame: Frame) -> Caller:
        """A function that cannot be loaded fails its calls, not the worker."""
        self._mark.loading(page.FUNCTION)
        call: Caller
        try:
            if frame.error is not None:
                raise MemoryError(str(frame.error))
            plan = pickle.loads(frame.body, buffers=self._buffers(frame))
            if not isinstance(plan, CallPlan):
                raise TypeError(f"a function frame holds a {type(plan).__name__}, not a CallPlan")
            call = plan.caller()
            if plan.env:
                self._envs[frame.a] = plan.env
        except BaseException as error:  # noqa: BLE001 - user code runs here
            call = refusing(
                self._explain(error) if isinstance(error, MemoryError) else cannot_load("the function", error)
            )
        self._functions[frame.a] = call
        self._mark.loading(page.IDLE)
        self._output.restore()
        return call

    def _explain(self, error: BaseException) -> failure.Failure:
        if isinstance(error, Refusal):
            return error.failure
        if isinstance(error, MemoryError) and self._memory_mb is not None:
            text = failure.capture(error).traceback_text
            self._retiring = True
            message = f"the call wanted more memory than runtime_memory={self._memory_mb} MB allows"
            return failure.library_failure(errors.MemoryLimitError, message, text)
        return failure.capture(error)

    def _outgrown(self, batch: Batch, index: int, begin: float, end: float, usage: Usage) -> NoReturn:
        """Fail the call that outgrew the limit and leave: only a new process has its memory back."""
        message = f"call {index} took {usage.peak_kb // 1024} MB, more than runtime_memory={self._memory_mb} MB allows"
        batch.add(ERROR, failure.library_failure(errors.MemoryLimitError, message), begin, end, usage)
        self._leave(batch)

    def _retire(self) -> None:
        self._retiring = True

    def _leave(self, batch: Batch) -> NoReturn:
        """Make room for a new process, which has its memory back and nothing of what calls left behind."""
        self._reader = self._block = None
        batch.flush()
        self._mark.idle()
        leave()

    def _change_env(self, env: dict[str, str] | None) -> None:
        for name, old in self._shadowed.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old
        self._shadowed = {name: os.environ.get(name) for name in env or ()}
        os.environ.update(env or {})
        self._env = env

    def _log(self, batch: Batch, index: int, written: tuple[int, int]) -> None:
        start, end = written
        path = self._output.path
        batch.logs.append(LogSlice(call=index, tail=self._output.tail(start, end), path=path, start=start, end=end))
        if path is not None:
            call_index.note(path, context.current.job_key, index, start, end)

    def _became_child(self) -> None:
        self._child = True


def leave() -> NoReturn:
    """End this process at once; what has to be written has been written."""
    os._exit(0)
