"""Calls that have ended and are not reported yet."""

from __future__ import annotations

import io
import sys
import time
from typing import TYPE_CHECKING, Any

from lithops import errors
from lithops.pool import frames
from lithops.types import CallState, LogSlice
from lithops.worker import codec, failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from lithops.pool.frames import Connection
    from lithops.worker.meter import Usage

DONE, ERROR = int(CallState.DONE), int(CallState.ERROR)


class Batch:
    """Contiguous calls of a range, in the order in which they ended."""

    def __init__(self, connection: Connection, explain: Callable[[BaseException], failure.Failure]) -> None:
        """`explain` describes a `MemoryError` that comes when results are packed."""
        self._explain = explain
        self._connection, self._epoch, self._first = connection, 0, 0
        self._wall = 0.0
        self._states = bytearray()
        self._entries: list[object] = []
        self._buffers: list[memoryview] = []
        self._times: list[float] = []
        self._cpu: list[float] = []
        self._memory: list[int] = []
        self.logs: list[LogSlice] = []
        self._columns: tuple[list[Any] | bytearray, ...] = (
            *(self._states, self._entries, self._buffers, self._times, self._cpu, self._memory, self.logs),
        )

    def begin(self, epoch: int, first: int) -> None:
        """Take calls of a range from number `first` on."""
        self._epoch, self._first = epoch, first
        self._wall = time.time() - time.perf_counter()

    def add(self, state: int, result: object, begin: float, end: float, usage: Usage) -> None:
        """Take in the next call; a result that cannot be pickled makes it a failure."""
        if state == DONE and type(result) not in codec.ATOMS:
            state, result = self._pickle(result)
        self._states.append(state)
        self._entries.append(result)
        self._times += (begin, end)
        self._cpu += usage[:2]
        self._memory += usage[2:]

    @property
    def must_flush(self) -> bool:
        """Buffers are sent as they are now: the next call may write to the same memory."""
        return bool(self._buffers)

    def flush(self) -> None:
        """Report what has gathered."""
        count = len(self._states)
        if not count:
            return
        wall = self._wall
        columns = codec.encode_columns([t + wall for t in self._times], self._cpu, self._memory)
        try:
            body, logs_size = codec.encode_report(self._states, columns, self._entries, self.logs)
        except MemoryError as error:
            self._drop_large(self._explain(error))
            body, logs_size = codec.encode_report(self._states, columns, self._entries, self.logs)
        self._connection.send(frames.REPORT, self._epoch, logs_size, self._first, count, body, self._buffers)
        self._first += count
        for column in self._columns:
            column.clear()

    def _drop_large(self, why: failure.Failure) -> None:
        """Fail the calls whose results take the memory that is missing."""
        for k, entry in enumerate(self._entries):
            size = len(entry.data) if isinstance(entry, codec.Pickled) else sys.getsizeof(entry)
            if size >= codec.OUT_OF_BAND:
                self._states[k], self._entries[k] = ERROR, why

    def _pickle(self, result: object) -> tuple[int, object]:
        import cloudpickle

        first = len(self._buffers)
        catcher = codec.BufferCatcher()
        file = io.BytesIO()
        try:
            cloudpickle.Pickler(file, protocol=5, buffer_callback=catcher).dump(result)
        except MemoryError as error:
            return ERROR, self._explain(error)
        except BaseException as error:  # noqa: BLE001 - user code runs here
            message = f"the call succeeded but its result of type {type(result).__name__!r} cannot be pickled: {error}"
            text = failure.capture(error).traceback_text
            return ERROR, failure.library_failure(errors.ResultPickleError, message, text)
        self._buffers += catcher.caught
        return DONE, codec.Pickled(file.getvalue(), first, len(self._buffers))
