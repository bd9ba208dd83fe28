"""The batches of one `Parallel`: submitted, and told of when they have ended."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from lithops.errors import BadCallError
from lithops.jobs.packing import explained
from lithops.jobs.pickler import failure
from lithops.jobs.waiting import FOREVER, wait_for

if TYPE_CHECKING:
    from lithops.future import ResponseFuture
    from lithops.jobs.build import JobOptions
    from lithops.session import Session
    from lithops.types import Pump

Outcome = Callable[[], Any]
"""Returns the results of a batch, or raises why there are none."""
Told = Callable[[Outcome], object]


class Batch(Protocol):
    """Some calls, as joblib puts them together."""

    items: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]

    def __call__(self) -> list[Any]:
        """Make them."""


def run(batch: Batch) -> list[Any]:
    """Run a batch, in a worker."""
    return batch()


class Batches:
    """Has at most `most` batches under way at a time, and tells of each when it has ended. Thread-safe.

    It tells on a thread that has nothing else to do, never on the one that reads results: whoever is told takes the
    next items from the user's iterator, which may itself wait for results.
    """

    def __init__(self, session: Session, options: JobOptions, most: int | None, is_over: Callable[[], bool]) -> None:
        """`is_over` says whether what has not ended does not matter any more."""
        self._session = session
        self._options = options
        self._most = most
        self._is_over = is_over
        self._lock = threading.Lock()
        self._ahead: deque[tuple[Batch, Told]] = deque()
        self._under_way = 0
        self._open: dict[int, ResponseFuture] = {}
        self._ended: deque[tuple[Outcome, Told]] = deque()
        self._untold = 0  # of all that were submitted
        self._gate: threading.Lock | None = None  # of who waits for the next to end
        self._pumps: tuple[Pump, ...] = ()
        self._served = False
        self._cancelled = False

    def submit(self, batch: Batch, told: Told, *, serve: bool) -> None:
        """Take a batch; `told` gets its outcome. With `serve`, on a thread of our own, which ends when all are told."""
        with self._lock:
            self._untold += 1
            self._ahead.append((batch, told))
            starts = serve and not self._served
            self._served = self._served or serve
        if starts:
            threading.Thread(target=self.serve, name="lithops-joblib", daemon=True).start()
        self._fill()

    def serve(self) -> None:
        """Tell of batches as they end, on this thread, until all are told of or do not matter any more."""
        while (ended := self._next()) is not None:
            outcome, told = ended
            try:
                told(outcome)
            finally:
                with self._lock:
                    self._untold -= 1
            self._fill()

    def cancel(self) -> None:
        """End what runs, for good: nothing more is started or told."""
        with self._lock:
            self._cancelled = True
            self._ahead.clear()
            running = list(self._open.values())
        for future in running:
            future.cancel()
        self._wake()

    def _next(self) -> tuple[Outcome, Told] | None:
        while True:
            with self._lock:
                if self._cancelled or self._is_over() or not self._untold:
                    self._served = False
                    return None
                if self._ended:
                    return self._ended.popleft()
                gate = self._gate = threading.Lock()
                gate.acquire()
            wait_for(gate, self._pumps, FOREVER)

    def _fill(self) -> None:
        """Start as many batches as may be under way."""
        while True:
            with self._lock:
                full = self._most is not None and self._under_way >= self._most
                if full or not self._ahead or self._cancelled:
                    return
                self._under_way += 1
                batch, told = self._ahead.popleft()
            self._start(batch, told)

    def _start(self, batch: Batch, told: Told) -> None:
        def arrive(future: ResponseFuture) -> None:
            with self._lock:
                self._open.pop(id(future._job), None)
            self._arrive(future.result, told)

        try:
            future = self._session.call(run, (batch,), self._options)
        except Exception as error:  # noqa: BLE001 - pickling runs user code; it is the batch that fails
            self._arrive(_raising(_blamed(batch, error)), told)
            return
        pump = future._job.table.pump
        with self._lock:
            self._open[id(future._job)] = future
            self._pumps = (pump,) if pump is not None else ()
        future.add_done_callback(arrive)

    def _arrive(self, outcome: Outcome, told: Told) -> None:
        with self._lock:
            self._under_way -= 1
            self._ended.append((outcome, told))
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            gate, self._gate = self._gate, None
        if gate is not None:
            gate.release()


def _blamed(batch: Batch, error: Exception) -> Exception:
    """Tell which call of a batch cannot be pickled: the user knows of no batches."""
    if isinstance(error, BadCallError):
        for function, args, kwargs in batch.items:
            if (wrong := failure((function, args, kwargs))) is not None:
                return explained(function, args, kwargs, wrong)
    return error


def _raising(error: Exception) -> Outcome:
    def outcome() -> NoReturn:
        raise error

    return outcome
