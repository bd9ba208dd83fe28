"""What the service runs in each environment: load the function, then answer frames until the service is gone.

Run by path in an interpreter that sees nothing but the standard library and the folder of the function, so it imports
nothing else. A frame is a kind (`R` ready, `A` answer, `E` what was raised; `I` invoke), a length and so many bytes.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import threading
from importlib import import_module

HEAD = struct.Struct("<cI")


def main(folder: str, entry_point: str) -> None:
    """Serve until the other end closes; standard output and input are given to the function as a log and as nothing."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_service, args=(requests.fileno(),), daemon=True).start()
    sys.path.insert(0, folder)
    module, _, name = entry_point.partition(":")
    try:
        function = getattr(import_module(module), name)
    except Exception as error:  # noqa: BLE001 - the border to what was deployed
        _say(answers, b"E", f"{entry_point!r} cannot be loaded: {type(error).__name__}: {error}".encode())
        return
    _say(answers, b"R", b"")
    while head := requests.read(HEAD.size):
        _, size = HEAD.unpack(head)
        try:
            kind, body = b"A", function(requests.read(size))
        except Exception as error:  # noqa: BLE001 - the border to what was deployed
            kind, body = b"E", f"{entry_point!r} raised {type(error).__name__}: {error}".encode()
        _say(answers, kind, body)


def _say(stream: object, kind: bytes, body: bytes) -> None:
    stream.write(HEAD.pack(kind, len(body)))  # type: ignore[attr-defined]
    stream.write(body)  # type: ignore[attr-defined]
    stream.flush()  # type: ignore[attr-defined]


def _end_with_service(fd: int) -> None:
    """End this process when the service is gone, also in the middle of the work."""
    poll = select.poll()
    poll.register(fd, 0)  # tells of hang-ups only
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
