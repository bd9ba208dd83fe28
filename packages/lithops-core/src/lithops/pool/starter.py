"""The driver's end of the zygote: starts it, asks it for workers, hears how they ended."""

from __future__ import annotations

import array
import contextlib
import os
import pickle
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from lithops.errors import BackendError, RuntimeMismatchError
from lithops.pool import spare
from lithops.pool.protocol import ANSWER, COMMAND
from lithops.pool.spawn import BOOT_BEGIN, Started
from lithops.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lithops.pool.zygote import Setup

HELLO_S = 30.0
"""How long an interpreter may take to start."""


@record
class Event:
    """What the zygote says: a worker was forked (status is None) or has ended (exit code, or minus the signal).

    Without a pid, none could be forked for the slot, and the status is the number of the error.
    """

    pid: int
    slot: int
    status: int | None


class Zygote:
    """A running zygote. Its `control` socket is readable when `events` has something to say."""

    def __init__(self, python: str, library: str | None = None) -> None:
        """Start interpreter `python`, with the package found in folder `library`; None: this package, here.

        One that was started ahead is taken. Raises `BackendError` if it cannot be started.
        """
        self._python = python
        self._pending = b""
        if not hasattr(os, "posix_spawn") or not hasattr(socket, "AF_UNIX"):
            raise BackendError(
                "workers on this machine need processes that fork and Unix sockets, which this platform does not have; "
                "choose a remote backend"
            )
        started = spare.take(python) if library is None else None
        if started is None:
            try:
                started = Started(python, library)
            except OSError as error:
                raise BackendError(
                    f"cannot start the interpreter {python!r}: {error.strerror or error}; "
                    "name an executable Python in `runtime`"
                ) from error
        self.control, self.pid, self._errors = started.control, started.pid, started.errors

    def configure(self, setup: Setup, page: int) -> None:
        """Send what all workers have in common, with the descriptor of the page they share.

        Raises:
            BackendError: the interpreter has ended before it listened, as one that is none does.
        """
        data = pickle.dumps(setup, 5)
        try:
            self._say(COMMAND.pack(b"S", len(data)), [page])
            self.control.sendall(data)
        except OSError as error:
            raise BackendError(self._stillbirth()) from error

    def check(self) -> None:
        """Wait for the interpreter's greeting and compare its version with the driver's.

        Raises:
            RuntimeMismatchError: the minor versions differ, so functions pickled by value would not load.
            BackendError: it did not start.
        """
        self.control.settimeout(HELLO_S)
        try:
            data = self._exactly(ANSWER.size)
        except (OSError, EOFError) as error:
            raise BackendError(self._stillbirth()) from error
        finally:
            with contextlib.suppress(OSError):
                self.control.settimeout(None)
        _, major, minor = ANSWER.unpack(data)
        if (major, minor) != sys.version_info[:2]:
            mine = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise RuntimeMismatchError(
                f"the driver runs Python {mine} but the runtime {self._python!r} is Python {major}.{minor}; "
                f"functions can only travel between equal minor versions: choose a Python {mine} as `runtime`, "
                f"or run the driver on Python {major}.{minor}"
            )

    def fork(self, slot: int, descriptors: list[int]) -> None:
        """Ask for a worker; an `Event` tells its pid."""
        self._say(COMMAND.pack(b"F", slot), descriptors)

    def kill(self, pid: int) -> None:
        """Kill a worker and all processes of its session."""
        with contextlib.suppress(OSError):
            self._say(COMMAND.pack(b"K", pid), [])

    def events(self) -> Iterator[Event]:
        """Yield what has happened since the last time.

        Raises:
            BackendError: the zygote is gone.
        """
        try:
            data = self.control.recv(ANSWER.size * 64, getattr(socket, "MSG_DONTWAIT", 0))
        except BlockingIOError:
            return
        except OSError as error:
            raise BackendError(self._obituary()) from error
        if not data:
            raise BackendError(self._obituary())
        self._pending += data
        while len(self._pending) >= ANSWER.size:
            kind, first, second = ANSWER.unpack_from(self._pending)
            self._pending = self._pending[ANSWER.size :]
            if kind == b"F":
                yield Event(pid=first, slot=second, status=None)
            elif kind == b"X" and first < 0:
                yield Event(pid=-1, slot=-1 - first, status=second)
            elif kind == b"X":
                yield Event(pid=first, slot=-1, status=second)

    def close(self, grace_s: float = 2.0) -> None:
        """End the zygote, and with it all workers; idempotent."""
        if self.pid == 0:
            return
        self.control.close()
        deadline = time.monotonic() + grace_s
        pause = 0.0005
        while not self._reaped():
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        self.pid = 0
        os.close(self._errors)

    def abandon(self) -> None:
        """Close the descriptors only: in a process forked from the driver the workers are not ours to end."""
        self.control.close()
        self.pid = 0

    def _reaped(self) -> bool:
        try:
            pid, _ = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody waited for all children
            return True
        return pid != 0

    def _say(self, message: bytes, descriptors: list[int]) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.control.sendmsg([message], rights)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.control.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _stillbirth(self) -> str:
        return f"{self._obituary()}; name a Python interpreter in `runtime`"

    def _obituary(self) -> str:
        text = os.pread(self._errors, 4096, 0).decode("utf-8", "replace").strip()
        said = f"; it said: {text}" if text and BOOT_BEGIN not in text else ""  # what is no Python shows it as it is
        return f"the process that starts the workers ({self._python!r}) has ended{said}"
