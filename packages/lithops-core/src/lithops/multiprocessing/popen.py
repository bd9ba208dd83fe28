"""A running process, as the standard library's `BaseProcess` wants it: a call, its exit code, what it can be waited by."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import traceback
import weakref
from contextlib import suppress
from multiprocessing import context, util
from typing import TYPE_CHECKING, Any, cast

from lithops.errors import BadCallError, CancelledError, CarrierError, JobTimeoutError
from lithops.multiprocessing import config, interrupts, items, starter
from lithops.multiprocessing.carrier import Carrier, new_key
from lithops.multiprocessing.choice import own
from lithops.multiprocessing.journeys import Journey, going
from lithops.multiprocessing.reach import process as reachable

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from lithops.future import ResponseFuture

_FAILED = 1
_EXIT_CODES = 0xFF
_INHERITED = {"multiprocessing.connection", "multiprocessing.queues", "multiprocessing.synchronize"}


class Popen:
    """The call that is a process."""

    method = "lithops"

    def __init__(self, process: BaseProcess) -> None:
        """Start it; raises what pickling it raises, `TypeError` for what only the standard library's processes get."""
        _refuse_foreign(process)
        util._flush_std_streams()  # type: ignore[attr-defined]  # as the standard library does before it forks
        self._name = process.name
        self._carrier = own()
        self._begun = new_key()  # a list that its pid is put into
        self._pid: int | None = None
        self._signal = signal.SIGTERM
        self._interrupted = False
        self.returncode: int | None = None
        self.sentinel, ended = os.pipe()
        self._close_sentinel = util.Finalize(self, os.close, (self.sentinel,))
        context.set_spawning_popen(self)  # type: ignore[arg-type]  # one more kind of these
        journey = Journey()
        try:
            with going(journey):
                try:
                    self._future = starter.processes.start(
                        run, process, self._carrier, self._begun, os.getpid(), log_level()
                    )
                except BadCallError as error:
                    raise _named(process, error) from error.__cause__
        except BaseException:
            self._close_sentinel()
            os.close(ended)
            journey.end()
            raise
        finally:
            context.set_spawning_popen(None)
        carrier, begun = self._carrier, self._begun

        def over(_: ResponseFuture) -> None:
            with suppress(CarrierError, BrokenPipeError):
                carrier.give(begun, b"0", limit=1)
            journey.end()
            with suppress(OSError):  # nobody has the process any more
                os.write(ended, b".")  # closing would not do: a child that the driver forked has this end open, too
            os.close(ended)

        self._future.add_done_callback(over)
        self._removal = weakref.finalize(self, carrier.discard, begun)
        self._removal.atexit = False

    @property
    def pid(self) -> int:
        """The number of the process where it runs; waits until it has begun or ended."""
        if self._pid is None:
            self._carrier.watch(self._begun, None)
            item = self._carrier.take(self._begun, None) or b"0"
            self._carrier.give(self._begun, item)
            self._pid = int(item)
        return self._pid

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.returncode is None and self._future.ready:
            self.returncode = self._exit_code()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the exit code, at most `timeout` seconds."""
        try:
            if self.returncode is None and (timeout is None or timeout > 0):
                with suppress(JobTimeoutError):
                    self._future.exception(timeout)
            return self.poll()
        except KeyboardInterrupt:
            interrupts.pass_on()
            raise

    def terminate(self) -> None:
        """End it, as SIGTERM does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it, as SIGKILL does."""
        self._end(signal.SIGKILL)

    def interrupt(self) -> None:
        """Interrupt it as Ctrl-C does, once; on another machine, or not begun yet, it is ended instead."""
        if self._interrupted or self.poll() is not None:
            return
        self._interrupted = True
        begun = False
        with suppress(CarrierError):
            begun = config.on_this_machine() and self._carrier.size(self._begun) > 0
        if not begun:
            self._end(signal.SIGINT)
        elif self.pid > 0:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)

    def close(self) -> None:
        """Let go of the descriptor that tells its end, and of what is kept of it."""
        self._close_sentinel()
        self._removal()

    def _end(self, how: signal.Signals) -> None:
        if self.poll() is None:
            self._signal = how
            self._future.cancel()

    def _exit_code(self) -> int:
        error = self._future.exception()
        if error is None:
            return cast("int", self._future.result())
        if isinstance(error, CancelledError):
            return -self._signal
        code: int | None = getattr(error, "exit_code", None)
        if code is not None:
            return code
        # It never came to run, or what it ended with came not back; the standard library's child would say so itself.
        sys.stderr.write(f"Process {self._name}:\n{''.join(traceback.format_exception(error))}")
        return _FAILED


def _refuse_foreign(process: Any) -> None:
    """Refuse what the standard library's processes inherit; pickled, it would refer to descriptors of somebody else."""
    for value in (*process._args, *process._kwargs.values(), *vars(process).values()):
        homes = {base.__module__ for base in type(value).__mro__}
        if homes & _INHERITED and not any(home.startswith("lithops.") for home in homes):
            raise TypeError(
                f"{value!r} is of the standard library's multiprocessing and goes to the processes of that only; make it "
                f"with lithops.multiprocessing, and use lithops.concurrent.futures instead of concurrent.futures"
            )


def _named(process: Any, error: BadCallError) -> BadCallError:
    """Return the error that tells in the terms of who made a process what of it cannot be pickled, if that is it."""
    from lithops.jobs.culprit import first_unpicklable

    reason = error.__cause__
    if not isinstance(reason, Exception):
        return error
    whole = f"process {process.name!r}"
    arguments = (*enumerate(process._args), *process._kwargs.items())
    parts = [
        (f"the target of {whole}", process._target),
        *((f"argument {place!r} of {whole}", part) for place, part in arguments),
        (whole, process),
    ]
    with items.own_by_value():
        return first_unpicklable(parts, reason) or error


def log_level() -> int | None:
    """Return the level of the standard library's logger of processes, None if nobody has asked for it."""
    logger: logging.Logger | None = util._logger  # type: ignore[attr-defined]  # not made by looking
    return None if logger is None else logger.getEffectiveLevel()


def run(process: Any, carrier: Carrier, begun: str, parent: int, level: int | None) -> int:
    """Be the process; in a worker, as a call."""
    from lithops.worker.context import current

    reachable.adopt(carrier)
    if level is not None:
        util.get_logger().setLevel(level)
    if not carrier.give(begun, str(os.getpid()).encode(), limit=1):
        return -signal.SIGKILL  # a second delivery of a process whose worker was lost; it must not run twice
    sentinel = None
    with suppress(AttributeError, OSError):  # not Linux, or the parent is on another machine
        sentinel = os.pidfd_open(parent)
    exits = sys.version_info >= (3, 13)  # since then, the standard library's processes run what `atexit` knows
    if exits:
        atexit._clear()
    try:
        code = int(process._bootstrap(parent_sentinel=sentinel)) & _EXIT_CODES  # the system keeps no more of it
        if exits:
            atexit._run_exitfuncs()
        return code
    finally:
        reachable.settle()
        if current.retire is not None:
            current.retire()  # what it did to this process ends with it
