"""Starts the manager process of this program."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path

import lithops
from lithops.errors import CarrierError, ConfigError
from lithops.multiprocessing.carrier import new_key
from lithops.multiprocessing.local import wire
from lithops.multiprocessing.local.address import Address
from lithops.multiprocessing.local.link import connect

_PARENT = "multiprocessing"
_MEMORY = "memory"
_YOUNG_S = 60.0
# Never run by file path or with the current folder on the path: a `types.py` in it would shadow the library's.
_BOOT = """\
import sys
if sys.path[:1] == ['']: del sys.path[0]
sys.path.append({where!r})
from lithops.multiprocessing.local import server
server.main({listening}, {life}, {folders!r})
"""


class ManagerProcess:
    """The process that keeps what the processes of this program share. It ends with this one, however that ends."""

    def __init__(self) -> None:
        """Start it, without waiting until it listens: who connects before that waits in line.

        Raises `CarrierError` where it cannot be started.
        """
        folder, memory = _private_folder(), _memory_folder()
        if memory is not None:
            (folder / _MEMORY).symlink_to(memory)  # for who finds that this one was killed
        if folder.parent.name == _PARENT:
            sweep(folder.parent)
        key = os.urandom(wire.KEY_BYTES)
        self.address = Address(os.fspath(folder), os.fspath(memory or folder), key)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._life, theirs = socket.socketpair()
        try:
            _bind(listening, folder)
            listening.listen(1024)
            self._life.sendall(key)
            folders = tuple(os.fspath(made) for made in (folder, memory) if made is not None)
            self._pid = _spawn(listening.fileno(), theirs.fileno(), folders)
        except OSError as error:
            self._life.close()
            raise CarrierError(
                f"the process that keeps locks, queues and pipes cannot be started: {error.strerror or error}; "
                "close files or end processes, then try again"
            ) from error
        finally:
            listening.close()
            theirs.close()
        self._close = weakref.finalize(self, _end, self._life, self._pid, os.getpid())

    def close(self) -> None:
        """End it; idempotent."""
        self._close()


def sweep(parent: Path) -> None:
    """Remove what manager processes left that were killed themselves: nobody listens in their folders any more."""
    for folder in parent.iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG_S:  # perhaps it does not listen yet
                continue
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                try:
                    connect(sock, os.fspath(folder))
                except ConnectionRefusedError:
                    shutil.rmtree(os.path.realpath(folder / _MEMORY), ignore_errors=True)
                    shutil.rmtree(folder, ignore_errors=True)


def _end(life: socket.socket, pid: int, owner: int) -> None:
    life.close()
    if os.getpid() == owner:
        with suppress(ChildProcessError):  # somebody waited for all children
            os.waitpid(pid, 0)  # it ends as soon as it sees that its socket has


def _private_folder() -> Path:
    from lithops.config.paths import state_dir

    try:
        folder = state_dir() / _PARENT / new_key()
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
    except (ConfigError, OSError):
        return Path(tempfile.mkdtemp(prefix="lithops-"))
    return folder


def _memory_folder() -> Path | None:
    """A folder whose files are memory, where there is one."""
    with suppress(OSError):
        return Path(tempfile.mkdtemp(prefix="lithops-", dir="/dev/shm"))
    return None


def _bind(sock: socket.socket, folder: Path) -> None:
    """Bind a socket in a folder, whose path may be longer than an address can be."""
    if not sys.platform.startswith("linux"):
        sock.bind(os.fspath(folder / "socket"))
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sock.bind(f"/proc/self/fd/{fd}/socket")
    finally:
        os.close(fd)


def _spawn(listening: int, life: int, folders: tuple[str, ...]) -> int:
    from multiprocessing.util import spawnv_passfds

    where = os.fspath(Path(lithops.__file__).resolve().parent.parent)
    boot = _BOOT.format(where=where, listening=listening, life=life, folders=folders)
    python = os.fsencode(sys.executable)
    return spawnv_passfds(python, [python, b"-c", boot.encode()], sorted((listening, life)))
