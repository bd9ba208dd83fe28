"""Turn what the operating system says into the storage errors, with words that tell what to do."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from lithops.errors import AccessDenied, LithopsError, StorageError, StorageUnavailable

if TYPE_CHECKING:
    from types import TracebackType

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BUSY = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT, errno.ENOLCK})


class Guard:
    """A context that raises a `StorageError` in place of any `OSError`; can be entered again and again."""

    __slots__ = ("_action", "_root", "_what")

    def __init__(self, action: str, what: str, root: str) -> None:
        self._action = action
        self._what = what
        self._root = root

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, OSError) and not isinstance(error, LithopsError):
            raise explain(error, self._action, self._what, self._root) from error


def explain(error: OSError, action: str, what: str, root: str) -> StorageError:
    """Return the storage error that stands for an `OSError`."""
    head = f"cannot {action} {what} of the local store in {root!r}: {error.strerror or error}"
    if error.errno in _DENIED:
        return AccessDenied(f"{head}; this user must own that folder and be able to write to it, or set another 'root'")
    if error.errno in _FULL:
        return StorageUnavailable(f"{head}; free some space there, or set 'root' to a folder on another disk")
    if error.errno in _BUSY:
        return StorageUnavailable(f"{head}; the machine is short of it now, the same request may succeed later")
    if error.errno == errno.EFBIG:
        return StorageError(
            f"{head}; the file system or a limit of this process (ulimit -f) refuses files of that size"
        )
    if error.errno == errno.ENAMETOOLONG:
        return StorageError(f"{head}; set 'root' to a folder with a shorter path")
    return StorageError(head)
