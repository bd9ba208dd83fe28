"""A connection to the manager process: one request at a time."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from typing import TYPE_CHECKING, Any

from lithops.errors import CarrierError
from lithops.multiprocessing.local import wire

if TYPE_CHECKING:
    from lithops.multiprocessing.local.address import Address

_CONNECT_S = 30.0
_LONGEST_PATH = 100


class Link:
    """One socket, shown to be ours by the key."""

    def __init__(self, address: Address, client: str) -> None:
        """Connect; raises `CarrierError` if nobody answers."""
        self._address = address
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._buffer = b""
        try:
            self._sock.settimeout(_CONNECT_S)
            connect(self._sock, address.folder)
            nonce = self._exactly(wire.NONCE_BYTES)
            hello = wire.proof(address.key, nonce) + client.encode()
            self._sock.sendall(wire.HEAD.pack(len(hello)) + hello)
            self._sock.settimeout(None)
        except OSError as error:
            self.close()
            raise self._gone() from error

    def ask(self, step: str, *arguments: object) -> Any:
        """Send a request and return the reply. Whatever interrupts this ends the connection and takes it back."""
        try:
            self._sock.sendall(wire.encode((step, True, *arguments)))
            (size,) = wire.HEAD.unpack(self._exactly(wire.HEAD.size))
            return pickle.loads(self._exactly(size))
        except OSError as error:
            self.close()
            raise self._gone() from error
        except BaseException:
            self.close()
            raise

    def tell(self, step: str, *arguments: object) -> None:
        """Send a request that has no reply."""
        self._send((step, False, *arguments))

    def begin(self, step: str, *arguments: object) -> None:
        """Send a request whose reply makes `fileno` readable."""
        self._send((step, True, *arguments))

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._sock.fileno()

    @property
    def closed(self) -> bool:
        """Whether this can be used no more."""
        return self._sock.fileno() < 0

    def close(self) -> None:
        """End the connection; idempotent."""
        self._sock.close()

    def _send(self, message: tuple[object, ...]) -> None:
        try:
            self._sock.sendall(wire.encode(message))
        except OSError as error:
            self.close()
            raise self._gone() from error
        except BaseException:
            self.close()  # half a message may be on its way
            raise

    def _exactly(self, size: int) -> bytes:
        buffer = self._buffer
        if len(buffer) < size:
            parts, have = [buffer], len(buffer)
            while have < size:
                part = self._sock.recv(max(65536, min(size - have, 1 << 20)))
                if not part:
                    raise ConnectionResetError("the other end is closed")
                parts.append(part)
                have += len(part)
            buffer = b"".join(parts)
        self._buffer = buffer[size:]
        return buffer[:size]

    def _gone(self) -> CarrierError:
        return CarrierError(
            f"the process that keeps locks, queues and pipes does not answer at {self._address.folder!r}: it ended "
            "with the program that started it, or was killed; what it kept is lost"
        )


def connect(sock: socket.socket, folder: str) -> None:
    """Connect to the socket in a folder, whose path may be longer than an address can be."""
    path = f"{folder}/socket"
    if len(os.fsencode(path)) <= _LONGEST_PATH or not sys.platform.startswith("linux"):
        sock.connect(path)
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{fd}/socket")
    finally:
        os.close(fd)
