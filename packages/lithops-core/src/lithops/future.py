"""`ResponseFuture`: one call, as its user sees it. A thin view on a row of the job table."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from lithops.errors import BadCallError, JobTimeoutError
from lithops.jobs.waiting import deadline_of, wait_for
from lithops.types import CallState

if TYPE_CHECKING:
    from lithops.jobs.attempts import Attempt
    from lithops.jobs.job import Job
    from lithops.jobs.promises import Summary
    from lithops.jobs.table import JobTable

_DONE = int(CallState.DONE)
_CANCELLED = int(CallState.CANCELLED)


class State:
    """The names of a future's states, as users know them."""

    New = "New"
    Invoked = "Invoked"
    Running = "Running"
    Ready = "Ready"
    Success = "Success"
    Error = "Error"
    Done = "Done"
    Unknown = "Unknown"


class ResponseFuture:
    """The result of one call, now or later.

    Two futures of the same call are equal. A pickled future carries its result, or, if the call has not ended, the
    place in storage where the result will be. Made by an executor.
    """

    __slots__ = ("__weakref__", "_job", "_row")

    State = State

    def __init__(self, job: Job, row: int) -> None:
        self._job = job
        self._row = row

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResponseFuture):
            return NotImplemented
        return self.index == other.index and self._job.key == other._job.key

    def __hash__(self) -> int:
        return hash((self._job.key, self.index))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.job_key}-{self.call_id} {self.function_name} {self.state}>"

    def _repr_html_(self) -> str:
        """Show the future in a notebook."""
        from lithops.display import future_html

        return future_html(self)

    def __reduce__(self) -> tuple[Callable[..., ResponseFuture], tuple[object, ...]]:
        from lithops.jobs.promises import summary

        return _unpickled, (summary(self._job, self._row),)

    def __copy__(self) -> ResponseFuture:
        return self

    def __deepcopy__(self, _memo: object) -> ResponseFuture:
        return self  # without this, a copy would be made by pickling, which sends the result to storage

    # --- who

    @property
    def index(self) -> int:
        """Number of the call in its job, from 0."""
        return self._job.first + self._row

    @property
    def call_id(self) -> str:
        """The same as text of five or more digits."""
        return f"{self.index:05d}"

    @property
    def job_id(self) -> str:
        """Letter and number of the job in its executor, e.g. `M000`."""
        return self._job.facts.job_id

    @property
    def job_key(self) -> str:
        """Name of the job, unique among all executors."""
        return self._job.key

    @property
    def executor_id(self) -> str:
        """Name of the executor."""
        return self._job.facts.executor_id

    @property
    def function_name(self) -> str:
        """Name of the function that was called."""
        return self._job.facts.function_name

    @property
    def execution_timeout(self) -> float:
        """Seconds that the call may take."""
        return self._job.facts.timeout_s

    @property
    def runtime_name(self) -> str:
        """Where the call runs: on localhost the path of the interpreter."""
        return self._job.facts.runtime_name

    @property
    def runtime_memory(self) -> int | None:
        """Memory that the call may take, in MB; None if there is no limit."""
        return self._job.facts.runtime_memory

    @property
    def activation_id(self) -> str:
        """Name of the worker that ran the call, empty before it ended."""
        return self._job.table.worker_of(self._row)

    # --- how it is

    @property
    def state(self) -> str:
        """One of the names in `State`."""
        table, row = self._job.table, self._row
        state = table.state[row]
        if state == _DONE:
            return State.Done if table.read[row] else State.Success
        if state > _DONE:
            return State.Error
        return State.Invoked if state else State.New

    @property
    def new(self) -> bool:
        """Whether the call waits for something before it can be started."""
        return self._job.table.state[self._row] == CallState.NEW

    @property
    def invoked(self) -> bool:
        """Whether the call was started and has not ended."""
        return self._job.table.state[self._row] == CallState.SENT

    @property
    def running(self) -> bool:
        """Whether the call was started and has not ended."""
        return self.invoked

    @property
    def ready(self) -> bool:
        """Whether the call has ended, however."""
        return self._job.table.is_over(self._row)

    @property
    def success(self) -> bool:
        """Whether the call has ended with a result."""
        return self._job.table.state[self._row] == _DONE

    @property
    def error(self) -> bool:
        """Whether the call has ended without a result."""
        return self._job.table.state[self._row] > _DONE

    @property
    def done(self) -> bool:
        """Whether the call has ended, however."""
        return self.ready

    @property
    def futures(self) -> bool:
        """Whether the call returned futures, which `get_result` follows."""
        return self.success and holds_futures(self._job.table.value(self._row))

    def cancelled(self) -> bool:
        """Return whether the call was cancelled."""
        return self._job.table.state[self._row] == _CANCELLED

    # --- what came of it

    def result(self, throw_except: bool = True, timeout: float | None = None) -> Any:
        """Wait for the call and return its result.

        Raises what the call raised, as `exception` describes; with `throw_except=False` returns None then.
        `JobTimeoutError` after `timeout` seconds: the call goes on.
        """
        table, row = self._job.table, self._row
        self._wait(timeout)
        table.read[row] = 1
        if table.state[row] == _DONE:
            return table.value(row)
        if throw_except:
            throw(table, row)
        return None

    def __await__(self) -> Generator[Any, None, Any]:
        """Return the result on an event loop, as `result` does. Cancelling who awaits it leaves the call alone."""
        if not self.ready:
            from lithops.jobs.awaiting import until_over  # who awaits has asyncio, which takes 30 ms to import

            yield from until_over(self._job.table, self._row).__await__()
        return self.result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the call and return what it raised, None if it returned.

        It is of the user's own type, or a `RemoteError` where that cannot be rebuilt here; its first cause is the
        remote traceback. `JobTimeoutError` after `timeout` seconds.
        """
        self._wait(timeout)
        table, row = self._job.table, self._row
        return None if table.state[row] == _DONE else table.error(row)

    def status(self, throw_except: bool = True, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the call and return its `stats`; raises as `result` does."""
        self._wait(timeout)
        if throw_except and self.error:
            throw(self._job.table, self._row)
        return self.stats

    def cancel(self) -> bool:
        """End the call without a result, killing it if it runs; return False if it had ended already."""
        if self.ready:
            return False
        self._job.cancel(self._job, self._row, 1)
        return self.cancelled()

    def add_done_callback(self, callback: Callable[[ResponseFuture], object]) -> None:
        """Call `callback(future)` when the call has ended, at once if it has; on the thread that reads the report.

        What it raises is logged. Raises `BadCallError` for what cannot be called.
        """
        if not callable(callback):
            raise BadCallError(
                f"callback must be a function of one future, found {callback!r} of type {type(callback).__name__!r}"
            )

        def fire(_row: int) -> None:
            try:
                callback(self)
            except Exception:
                import logging

                logging.getLogger(__name__).exception("a callback of %r failed", self)

        self._job.table.when_over(self._row, fire)

    @property
    def logs(self) -> str:
        """What the call wrote to its standard streams: all of it where the log is on this machine, else its tail."""
        log = self._job.table.logs.get(self._row)
        if log is None:
            return ""
        if log.path is not None:
            try:
                with open(log.path, "rb") as file:  # noqa: PTH123 - pathlib takes 3 ms to import
                    file.seek(log.start)
                    return file.read(log.end - log.start).decode("utf-8", "replace")
            except OSError:  # cleaned meanwhile
                pass
        return log.tail

    @property
    def stats(self) -> dict[str, Any]:
        """What was measured, under the names users know; empty before the call was started.

        `*_tstamp` are wall-clock seconds, other times seconds, memory bytes. Memory is the worker's high-water mark.
        """
        from lithops.jobs.stats import stats_of

        return stats_of(self._job, self._row)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The tries that have ended, in order: when and where each ran, and how it failed.

        Those that failed are there as soon as they have. A call that ended without having been tried has none.
        """

        return self._job.attempts(self._row)

    def _wait(self, timeout: float | None) -> None:
        table, row = self._job.table, self._row
        deadline = deadline_of(timeout)
        if table.is_over(row):
            return
        gate = table.gate(row)
        if gate is None:
            return
        start = time.monotonic()
        try:
            passed = wait_for(gate, (table.pump,) if table.pump is not None else (), deadline)
        except BaseException:
            table.drop_gate(row, gate)
            raise
        if not passed and not table.is_over(row):
            table.drop_gate(row, gate)
            raise JobTimeoutError(
                f"call {self.call_id} of job {self.job_key} ({self.function_name}) has not ended after "
                f"{time.monotonic() - start:.3g} s; it goes on, wait again or cancel it"
            )


def throw(table: JobTable, row: int) -> NoReturn:
    """Raise the error of a call that failed."""
    error = table.error(row)
    try:
        raise error.with_traceback(None)  # it may have been raised before, from somewhere else
    finally:
        del error  # the frame is part of the traceback, which would make a circle


def _unpickled(carried: Summary) -> ResponseFuture:
    from lithops.jobs.promises import revive

    return ResponseFuture(*revive(carried))


def holds_futures(value: object) -> bool:
    """Whether a result is a future or a list of nothing but futures."""
    if isinstance(value, ResponseFuture):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(item, ResponseFuture) for item in value)


def listed(fs: object) -> Sequence[ResponseFuture]:
    """Take what the user gave for futures. Raises `BadCallError` for anything else."""
    if isinstance(fs, ResponseFuture):
        return [fs]
    if not isinstance(fs, Iterable):
        raise BadCallError(f"expected a future or a list of futures, found {fs!r} of type {type(fs).__name__!r}")
    futures = list(fs)
    for future in futures:
        if not isinstance(future, ResponseFuture):
            raise BadCallError(f"expected futures, found {future!r} of type {type(future).__name__!r} among them")
    return futures
