"""Pools of workers: the standard library's pool, whose tasks are calls of an executor."""

from __future__ import annotations

import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from multiprocessing import pool as standard
from multiprocessing.pool import AsyncResult as AsyncResult
from multiprocessing.pool import ThreadPool as ThreadPool
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any

from lithops.errors import CancelledError, CarrierError, ClosedError, ResultPickleError
from lithops.multiprocessing import config, starter
from lithops.multiprocessing.carrier import new_key
from lithops.multiprocessing.conditions import Barrier
from lithops.multiprocessing.journeys import ONCE, Journey, going
from lithops.multiprocessing.namespaces import dumps
from lithops.multiprocessing.tasks import Setup, Task, begin, perform

if TYPE_CHECKING:
    from lithops.future import ResponseFuture

_EXIT_PRIORITY = 15  # the standard library's
_SETUP_S = 600.0
_Unpickled: Any = standard.MaybeEncodingError  # type: ignore[attr-defined]  # not in typeshed


class Pool(standard.Pool):
    """A pool of workers, each of which runs one task at a time.

    All its methods are the standard library's; what differs is underneath. A task that loses its worker fails, instead
    of never ending. After `terminate`, results that are not there raise `lithops.errors.CancelledError`.
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
    ) -> None:
        self._state = standard.INIT
        count = config.parallel() if processes is None else processes
        if not _is_count(count):
            raise ValueError(f"a pool has a whole number of processes, at least 1, found {count!r}")
        if maxtasksperchild is not None and not _is_count(maxtasksperchild):
            raise ValueError(f"maxtasksperchild must be a whole number above 0 or None, found {maxtasksperchild!r}")
        if initializer is not None and not callable(initializer):
            raise TypeError(f"the initializer must be callable, found {initializer!r}")
        self._processes = count
        self._pool = range(count)  # the base class wants to know how many there are
        self._cache: dict[int, Any] = {}
        name = new_key()
        journey = Journey()
        with going(journey):
            begin = None if initializer is None else dumps((initializer, tuple(initargs)), name)
        setup = Setup(pool=name, initializer=begin, most_tasks=maxtasksperchild)
        self._engine = Engine(setup, count, self._cache, journey)
        self._taskqueue = self._engine
        self._terminate = Finalize(self, self._engine.terminate, exitpriority=_EXIT_PRIORITY)
        self._state = standard.RUN

    def close(self) -> None:
        """Take no more tasks; those there are will be done."""
        if self._state == standard.RUN:
            self._state = standard.CLOSE
            self._engine.close()

    def terminate(self) -> None:
        """End at once; idempotent."""
        self._state = standard.TERMINATE
        self._terminate()

    def join(self) -> None:
        """Wait for all tasks and end the workers; after `close` or `terminate` only."""
        if self._state == standard.RUN:
            raise ValueError("Pool is still running")
        self._engine.join()
        self._terminate()


class Engine:
    """Where the base class puts its tasks: they become calls, and what comes of them goes to its results."""

    def __init__(self, setup: Setup, workers: int, results: dict[int, Any], journey: Journey) -> None:
        self._setup = setup
        self._journey = journey
        self._results = results
        self._executor = starter.make_executor(workers)
        self._env = dict(config.get_parameter(config.ENV_VARS))
        self._terminated = False
        self._function = partial(perform, setup)
        self._lazy: queue.SimpleQueue[tuple[Iterable[Task], Callable[[int], None]] | None] = queue.SimpleQueue()
        self._running: queue.SimpleQueue[ResponseFuture | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[int, int, ResponseFuture] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=work, name=f"lithops-pool-{work.__name__.strip('_')}", daemon=True)
            for work in (self._feed, self._read, self._settle)
        ]
        for thread in self._threads:
            thread.start()
        if setup.initializer is not None and config.on_this_machine():
            self._prepare(workers)

    def put(self, work: tuple[Iterable[Task], Callable[[int], None] | None]) -> None:
        """Take tasks. What says how many they were comes from an iterator that may wait, so that has its own thread."""
        tasks, say_length = work
        if say_length is None:
            self._submit(list(tasks))
        else:
            self._lazy.put((tasks, say_length))

    def close(self) -> None:
        """Hear that there will be no more."""
        self._lazy.put(None)

    def join(self) -> None:
        """Wait until all tasks have ended."""
        for thread in self._threads:
            thread.join()

    def terminate(self) -> None:
        """End all workers; what they had not done is cancelled."""
        self._terminated = True
        self._executor.close()
        self._journey.end()
        self._lazy.put(None)

    # --- inside

    def _prepare(self, workers: int) -> None:
        """Have each worker set itself up now; it waits for the others, so that no worker does so twice."""
        met = Barrier(workers, timeout=_SETUP_S)
        calls = [(self._setup, met)] * workers
        with going(self._journey):
            futures = self._executor.map(begin, calls, chunksize=1, extra_env=self._env)
        for future in futures:
            future.add_done_callback(partial(self._began, met))
            self._running.put(future)

    def _began(self, met: Barrier, ended: ResponseFuture) -> None:
        """Have the others wait no longer for a worker that could not set itself up, and say why it could not."""
        error = ended.exception()
        if error is None or isinstance(error, CancelledError):
            return
        with suppress(CarrierError):
            met.abort()
        if not isinstance(error, threading.BrokenBarrierError):
            trace = "".join(traceback.format_exception(error))
            sys.stderr.write(f"A worker of a pool could not be initialized:\n{trace}")

    def _submit(self, tasks: list[Task]) -> None:
        sent: list[tuple[int, int]] = []
        pickled: list[bytes] = []
        for task in tasks:
            try:
                with going(ONCE):
                    pickled.append(dumps(task[2:], self._setup.pool))
            except Exception as error:  # noqa: BLE001 - pickling runs user code, and only this task fails
                self._results[task[0]]._set(task[1], (False, error))
            else:
                sent.append(task[:2])
        try:
            futures = self._executor.map(self._function, pickled, extra_env=self._env)
        except ClosedError as error:
            for job, part in sent:
                self._results[job]._set(part, (False, error))
            return
        for (job, part), future in zip(sent, futures, strict=True):
            future.add_done_callback(partial(self._over, job, part))
            self._running.put(future)

    def _over(self, job: int, part: int, ended: ResponseFuture) -> None:
        self._ended.put((job, part, ended))

    def _feed(self) -> None:
        """Submit what comes from iterators, as it comes."""
        while (work := self._lazy.get()) is not None:
            tasks, say_length = work
            count = 0
            for task in tasks:
                if self._terminated:  # there may be no end to them
                    break
                self._submit([task])
                count += 1
            say_length(count)
        self._running.put(None)

    def _read(self) -> None:
        """Wait for calls; who waits reads what workers report."""
        while (future := self._running.get()) is not None:
            future.exception()
        self._ended.put(None)

    def _settle(self) -> None:
        """Hand over results, and run callbacks."""
        while (ended := self._ended.get()) is not None:
            job, part, future = ended
            error = future.exception()
            value = future.result(throw_except=False)  # now the executor need not keep it any more
            if isinstance(error, ResultPickleError):
                error = _Unpickled(error, _Bare(f"the result of task {part}"))
            if job in self._results:
                self._results[job]._set(part, (error is None, value if error is None else error))


class _Bare(str):
    """Text that is shown without quotes, where the standard library shows a representation in quotes of its own."""

    __slots__ = ()
    __repr__ = str.__str__


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value > 0
