"""The parent of all workers of a pool: a fresh, single-threaded interpreter that forks when it is asked to.

It has imported what every worker needs, says how each worker ended, ends what a worker leaves behind, and ends them
all when the driver is gone.
"""

from __future__ import annotations

import array
import contextlib
import os
import pickle
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

from lithops.pool import frames
from lithops.pool.frames import Connection
from lithops.pool.protocol import ANSWER, COMMAND
from lithops.records import record

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LOOK_MS = 1000


@record
class Setup:
    """What all workers of a pool have in common."""

    path: tuple[str, ...] | None
    """`sys.path` of the driver, or None where the interpreter is another one and keeps its own."""
    log_dir: str | None
    memory_mb: int | None
    live: bool
    """Send output as it comes."""
    share: bool


def main(fd: int) -> NoReturn:
    """Serve the driver at the other end of socket `fd`."""
    control = socket.socket(fileno=fd)
    with contextlib.suppress(PermissionError):  # already the leader of a group
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cloudpickle  # noqa: F401 - once, for all workers

    import lithops.worker.loop  # noqa: F401 - the same

    Zygote(control, _death_wish()).serve()


class Zygote:
    """The zygote's loop."""

    def __init__(self, control: socket.socket, die_with_parent: Callable[[], object]) -> None:
        self._die_with_parent = die_with_parent
        self._control = control
        self._setup = Setup(path=None, log_dir=None, memory_mb=None, live=False, share=False)
        self._page: memoryview | None = None
        self._parent = os.getppid()
        self._workers: set[int] = set()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def serve(self) -> NoReturn:
        """Obey until the driver is gone, then end every worker."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        driver = self._driver_handle()
        if driver is not None:
            poll.register(driver, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(None if driver is not None else _LOOK_MS)}
            if driver is None and os.getppid() != self._parent:
                self._end()
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._reap()
            if driver in ready:
                self._end()
            if self._control.fileno() in ready and not self._obey():
                self._end()

    def _driver_handle(self) -> int | None:
        """A descriptor that becomes readable when the driver dies, though a child of its own keeps our socket open."""
        try:
            return os.pidfd_open(self._parent)
        except (AttributeError, OSError):  # not Linux: our parent has to be looked at now and then
            return None

    def _obey(self) -> bool:
        try:
            data, ancillary, _, _ = self._control.recvmsg(COMMAND.size, socket.CMSG_SPACE(16), frames._FLAGS)
            if len(data) < COMMAND.size:
                data += self._exactly(COMMAND.size - len(data)) if data else b""
        except (ConnectionError, EOFError):
            return False
        if not data:
            return False
        command, number = COMMAND.unpack(data)
        descriptors = array.array("i")
        for _, _, raw in ancillary:
            descriptors.frombytes(raw[: len(raw) - len(raw) % descriptors.itemsize])
        if command == b"S":
            self._configure(pickle.loads(self._exactly(number)), descriptors)
        elif command == b"F":
            self._fork(number, descriptors)
        elif command == b"K" and number in self._workers:
            _kill_group(number)
        return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._control.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _configure(self, setup: Setup, descriptors: array.array[int]) -> None:
        self._setup = setup
        if setup.path is not None:
            sys.path[:] = setup.path
        if descriptors:
            import mmap

            self._page = memoryview(mmap.mmap(descriptors[0], os.fstat(descriptors[0]).st_size))
            os.close(descriptors[0])

    def _fork(self, slot: int, descriptors: array.array[int]) -> None:
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            for fd in descriptors:
                os.close(fd)
            _send(self._control, b"X", -1 - slot, error.errno or 1)
            return
        if pid == 0:
            try:
                os.setsid()
                self._die_with_parent()
                if os.getppid() != zygote:  # it died just before
                    os._exit(0)
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                self._control.close()
                os.close(self._wake_read)
                os.close(self._wake_write)
                work(slot, descriptors[0], descriptors[1], self._page, self._setup)
            except BaseException:  # noqa: BLE001 - said where the driver finds it: in the worker's output
                import traceback

                traceback.print_exc()
            finally:
                os._exit(70)
        self._workers.add(pid)
        for fd in descriptors:
            os.close(fd)
        _send(self._control, b"F", pid, slot)

    def _reap(self) -> None:
        while self._workers:
            try:
                state = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if state is None:
                return
            pid = state.si_pid
            _kill_group(pid)  # what its calls left behind; its number is still taken, so nobody else is hit
            _, status = os.waitpid(pid, 0)
            self._workers.discard(pid)
            _send(self._control, b"X", pid, os.waitstatus_to_exitcode(status))

    def _end(self) -> NoReturn:
        for pid in self._workers:
            _kill_group(pid)
        os._exit(0)


def work(slot: int, stream: int, tokens: int | None, area: memoryview | None, setup: Setup) -> None:
    """Be a worker on descriptor `stream` until the driver says goodbye."""
    import faulthandler

    from lithops.worker.loop import Loop
    from lithops.worker.output import OutputFile

    sock = socket.socket(fileno=stream)
    connection = Connection(sock, share=setup.share)
    live = None
    if setup.live:

        def live(number: int, data: bytes) -> None:
            connection.send(frames.OUTPUT, 0, number, 0, 0, data)

    path = None if setup.log_dir is None else f"{setup.log_dir}/worker-{slot}-{os.getpid()}.log"
    output = OutputFile(path, live)
    faulthandler.enable(file=2)
    if tokens is not None:
        os.set_blocking(tokens, False)
    Loop(
        connection,
        tokens=tokens,
        slot=slot,
        area=area,
        output=output,
        memory_mb=setup.memory_mb,
        memory_enforced=_limit_memory(setup.memory_mb),
    ).run()
    os._exit(0)


def _limit_memory(memory_mb: int | None) -> bool:
    """Limit private memory, not address space: libraries reserve much more of that than they use."""
    if memory_mb is None:
        return True
    import resource

    size = memory_mb << 20
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    except (AttributeError, ValueError, OSError):
        return False
    return sys.platform.startswith("linux")  # elsewhere the limit does not count mapped memory


def _death_wish() -> Callable[[], object]:
    """Return what lets a process die when its parent does, even if that was killed; on Linux only."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return lambda: None
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    """Kill a worker and all of its session; alone if it was forked so recently that it has none yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)


def _send(control: socket.socket, kind: bytes, first: int, second: int) -> None:
    with contextlib.suppress(OSError):  # the driver is gone; the loop sees it next
        control.sendall(ANSWER.pack(kind, first, second))
