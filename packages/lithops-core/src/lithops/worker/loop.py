"""The worker's loop: take a range of calls off the stream, run it call by call, report.

Single-threaded, because user code may fork. Each call first claims a token from a pipe that the driver reads too: a
token that the driver has taken back is a call that somebody else runs.
"""

from __future__ import annotations

import os
import pickle
import resource
import time
from collections.abc import Callable
from typing import NoReturn

from lithops import errors
from lithops.pool import frames
from lithops.pool.frames import Connection, Frame
from lithops.types import CallState, LogSlice
from lithops.worker import codec, context, failure, page
from lithops.worker.output import OutputFile
from lithops.worker.plan import CallPlan

FLUSH_S = 0.001
"""Results of short calls are reported together, at most this late."""
Caller = Callable[[object, int], object]
_DONE, _ERROR = int(CallState.DONE), int(CallState.ERROR)
_RSS_UNIT = 1024 if os.uname().sysname == "Darwin" else 1  # ru_maxrss: bytes on macOS, KiB elsewhere


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
        self._area = area if area is not None else memoryview(bytearray(page.SLOT_BYTES * (slot + 1)))
        self._offset = slot * page.SLOT_BYTES
        self._output = output
        self._memory_mb = memory_mb
        # Where the kernel does not enforce the limit, it is checked after each call.
        self._rss_kb = memory_mb * 1024 if memory_mb is not None and not memory_enforced else None
        self._functions: dict[int, Caller] = {}
        self._envs: dict[int, dict[str, str]] = {}
        self._env: dict[str, str] = {}
        self._shadowed: dict[str, str | None] = {}
        self._segments: dict[int, memoryview] = {}
        self._block: Frame | None = None
        self._items: list[object] | None = None
        self._spoilt = False  # an item of the block could not be loaded
        self._child = False
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
                self._block, self._items = frame, None
            elif kind == frames.FUNCTION:
                self._load(frame)
            elif kind == frames.FORGET:
                self._functions.pop(frame.a, None)
                self._envs.pop(frame.a, None)
            elif kind == frames.SEGMENT:
                self._segments[frame.a] = memoryview(frame.body).toreadonly()
            elif kind == frames.RELEASE:
                self._segments.pop(frame.a, None)
                self._block = self._items = None
            elif kind == frames.BYE:
                return

    def _run(self, frame: Frame) -> None:
        """Run the calls of a range, as far as their tokens are still there."""
        epoch, first, count = frame.epoch, frame.b, frame.c
        context.current.job_key = bytes(frame.body).decode()
        self._mark(first)  # loading may crash too: it is then charged to the first call of the range
        call = self._functions[frame.a]
        env = self._envs.get(frame.a, {})
        if env != self._env:
            self._change_env(env)
        block = self._block
        if self._items is None and block is not None:
            self._items = codec.decode_items(block.body, self._buffers(block))
            self._spoilt = any(type(item) is codec.LoadFailure for item in self._items)
        if self._spoilt:
            call = _guarded(call)
        items = self._items or []
        base = block.b if block is not None else first
        batch = _Batch(self._connection, epoch, first)
        tokens, held, clock, usage = self._tokens, self._held, time.perf_counter, resource.getrusage
        mark, area, offset, advance = page.SLOT.pack_into, self._area, self._offset, self._output.advance
        current, who, read = context.current, resource.RUSAGE_SELF, os.read
        before = usage(who)
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
            mark(area, offset, index, begin)
            try:
                result = call(items[index - base], index)
                state = _DONE
            except Exception as error:  # noqa: BLE001 - the border to user code
                result, state = self._explain(error), _ERROR
            except (SystemExit, KeyboardInterrupt) as error:
                result, state = failure.capture(error), _ERROR
            end = clock()
            if self._child:
                os._exit(0)  # a child that user code forked and let return: it must not speak on our stream
            after = usage(who)
            if self._rss_kb is not None and after[2] // _RSS_UNIT > self._rss_kb:
                self._outgrown(batch, index, begin, end, before, after)
            batch.add(state, result, begin, end, before, after)
            before = after
            written = advance()
            if written is not None:
                self._log(batch, index, written)
            if end - flushed > FLUSH_S or batch.must_flush:
                batch.flush()
                flushed = clock()
        self._held = held
        batch.flush()
        mark(area, offset, page.IDLE, 0.0)

    def _mark(self, call: int) -> None:
        page.SLOT.pack_into(self._area, self._offset, call, time.perf_counter())

    def _buffers(self, frame: Frame) -> list[memoryview]:
        return [self._segments[x] if isinstance(x, int) else x for x in frame.buffers]

    def _load(self, frame: Frame) -> None:
        """A function that cannot be loaded fails its calls, not the worker."""
        try:
            plan = pickle.loads(frame.body, buffers=self._buffers(frame))
            if not isinstance(plan, CallPlan):
                raise TypeError(f"a function frame holds a {type(plan).__name__}, not a CallPlan")
            self._functions[frame.a] = plan.caller()
            self._envs[frame.a] = plan.env
        except Exception as error:  # noqa: BLE001 - user code runs here
            self._functions[frame.a] = _refusing(_cannot_load("the function", error))

    def _explain(self, error: Exception) -> failure.Failure:
        if isinstance(error, _Refusal):
            return error.failure
        if isinstance(error, MemoryError) and self._memory_mb is not None:
            text = failure.capture(error).traceback_text
            message = f"the call wanted more memory than runtime_memory={self._memory_mb} MB allows"
            return failure.library_failure(errors.MemoryLimitError, message, text)
        return failure.capture(error)

    def _outgrown(
        self,
        batch: _Batch,
        index: int,
        begin: float,
        end: float,
        before: resource.struct_rusage,
        after: resource.struct_rusage,
    ) -> NoReturn:
        """Fail the call that outgrew the limit and leave: only a new process has its memory back."""
        peak_mb = after[2] // _RSS_UNIT // 1024
        message = f"the call took {peak_mb} MB where runtime_memory={self._memory_mb} MB allows less (call {index})"
        batch.add(_ERROR, failure.library_failure(errors.MemoryLimitError, message), begin, end, before, after)
        batch.flush()
        page.SLOT.pack_into(self._area, self._offset, page.IDLE, 0.0)
        leave()

    def _change_env(self, env: dict[str, str]) -> None:
        for name, old in self._shadowed.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old
        self._shadowed = {name: os.environ.get(name) for name in env}
        os.environ.update(env)
        self._env = env

    def _log(self, batch: _Batch, index: int, written: tuple[int, int]) -> None:
        start, end = written
        path = self._output.path
        batch.logs.append(
            LogSlice(call=index, tail=self._output.tail(start, end), path=path, start=start, end=end)
        )

    def _became_child(self) -> None:
        self._child = True


class _Batch:
    """Calls that have ended and are not reported yet."""

    def __init__(self, connection: Connection, epoch: int, first: int) -> None:
        self._connection, self._epoch, self._first = connection, epoch, first
        self._wall = time.time() - time.perf_counter()
        self.logs: list[LogSlice] = []
        self._clear()

    def _clear(self) -> None:
        self._states = bytearray()
        self._entries: list[object] = []
        self._buffers: list[memoryview] = []
        self._times: list[float] = []
        self._cpu: list[float] = []
        self._memory: list[int] = []

    def add(
        self,
        state: int,
        result: object,
        begin: float,
        end: float,
        before: resource.struct_rusage,
        after: resource.struct_rusage,
    ) -> None:
        if state == _DONE and type(result) not in codec.ATOMS:
            state, result = self._pickle(result)
        self._states.append(state)
        self._entries.append(result)
        self._times += (begin, end)
        self._cpu += (after[0] - before[0], after[1] - before[1])
        self._memory += (after[2], after[2] - before[2])

    def _pickle(self, result: object) -> tuple[int, object]:
        import io

        import cloudpickle

        first = len(self._buffers)
        catcher = codec.BufferCatcher()
        file = io.BytesIO()
        try:
            cloudpickle.Pickler(file, protocol=5, buffer_callback=catcher).dump(result)
        except Exception as error:  # noqa: BLE001 - user code runs here
            message = f"the call succeeded but its result of type {type(result).__name__!r} cannot be pickled: {error}"
            text = failure.capture(error).traceback_text
            return _ERROR, failure.library_failure(errors.ResultPickleError, message, text)
        self._buffers += catcher.caught
        return _DONE, codec.Pickled(file.getvalue(), first, len(self._buffers))

    @property
    def must_flush(self) -> bool:
        """Buffers are sent as they are now: the next call may write to the same memory."""
        return bool(self._buffers)

    def flush(self) -> None:
        """Send what has gathered."""
        count = len(self._states)
        if not count:
            return
        wall = self._wall
        times = [t + wall for t in self._times]
        memory = self._memory if _RSS_UNIT == 1 else [m // _RSS_UNIT for m in self._memory]
        columns = codec.encode_columns(times, self._cpu, memory)
        results = pickle.dumps(self._entries, 5)
        body = pickle.dumps((bytes(self._states), columns, results, self.logs), 5)
        self._connection.send(frames.REPORT, self._epoch, 0, self._first, count, body, self._buffers)
        self._first += count
        self.logs = []
        self._clear()


class _Refusal(Exception):  # noqa: N818 - carries a failure from where it was found to where it is reported
    def __init__(self, found: failure.Failure) -> None:
        self.failure = found


def _refusing(found: failure.Failure) -> Caller:
    def refuse(_item: object, _index: int) -> object:
        raise _Refusal(found)

    return refuse


def _guarded(call: Caller) -> Caller:
    def check(item: object, index: int) -> object:
        if type(item) is codec.LoadFailure:
            raise _Refusal(_cannot_load("the argument", item.error))
        return call(item, index)

    return check


def _cannot_load(what: str, error: Exception) -> failure.Failure:
    message = (
        f"a worker cannot load {what}: {type(error).__name__}: {error}; "
        "is the module it needs installed where the call runs?"
    )
    return failure.library_failure(errors.FunctionLoadError, message, failure.capture(error).traceback_text)


def leave() -> NoReturn:
    """End this process at once; what has to be written has been written."""
    os._exit(0)
