"""Start the zygote's interpreter. Imports next to nothing, so that this can be the first thing a driver does."""

from __future__ import annotations

import os
import socket
import sys

from lithops.pool.protocol import ANSWER

_CONTROL_FD = 3

# Never run by file path or with the current folder on the path: a `types.py` in it would shadow the library's.
# `os` and `sys` are there already when it begins; `struct` is not. The version is told before anything of ours is
# imported, which an older interpreter could not.
BOOT_BEGIN = "import os, sys"
_BOOT = (
    f"{BOOT_BEGIN}\n"
    + """\
if sys.path[:1] == ['']: del sys.path[0]
import struct
os.write({fd}, struct.pack({answer!r}, b'H', *sys.version_info[:2]))
if sys.version_info[:2] != {version}: sys.exit()
sys.path.{how}{where!r})
from lithops.pool import zygote
zygote.main({fd})
"""
)


class Started:
    """An interpreter on its way to become a zygote: pid, control socket, file of what it says on standard error."""

    __slots__ = ("control", "errors", "pid", "python")

    def __init__(self, python: str, library: str | None = None) -> None:
        """Start `python` with the package found in folder `library`; None: where this package is.

        Raises `OSError` if it cannot be started.
        """
        self.python = python
        how, where = ("append(", _library()) if library is None else ("insert(0, ", library)
        boot = _BOOT.format(
            how=how, where=where, fd=_CONTROL_FD, answer=ANSWER.format, version=tuple(sys.version_info[:2])
        )
        self.errors = _unnamed_file()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs.settimeout(None)  # the program may have set a default, which would go with the descriptor
        try:
            self.pid = _spawn(python, ["-c", boot], theirs, self.errors)
        except OSError:
            self.control.close()
            os.close(self.errors)
            raise
        finally:
            theirs.close()


def _library() -> str:
    """The folder that holds the package this code belongs to."""
    here = os.path.realpath(__file__)  # pathlib takes 3 ms to import
    return os.path.dirname(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120


def _unnamed_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("lithops-zygote-errors", os.MFD_CLOEXEC)
    import tempfile

    fd, path = tempfile.mkstemp(prefix="lithops-zygote-")
    os.unlink(path)  # noqa: PTH108 - as above
    return fd


def _spawn(python: str, args: list[str], control: socket.socket, errors: int) -> int:
    """Start a process with the socket as descriptor 3; importing `subprocess` would take as long as the process."""
    fd = control.fileno()
    copy = os.dup(fd) if fd == _CONTROL_FD else None  # dup2 onto itself would keep it closing on exec
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, errors, 1),
        (os.POSIX_SPAWN_DUP2, errors, 2),
        (os.POSIX_SPAWN_DUP2, copy if copy is not None else fd, _CONTROL_FD),
    ]
    env = {**os.environ, "LITHOPS_WORKER": "True", "PYTHONUNBUFFERED": "1"}
    try:
        return os.posix_spawn(python, [python, *args], env, file_actions=actions)
    finally:
        if copy is not None:
            os.close(copy)
