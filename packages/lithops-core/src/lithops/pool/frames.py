"""Binary frames over a byte stream, with large parts beside the stream where the host allows it.

A frame is a header, a table of buffer sizes, a body and buffers. On one host, a frame of more than `IN_BAND` bytes
keeps only header and table in the stream; body and buffers travel as one shared-memory object whose descriptor goes
along. Everywhere else they follow in the stream. An entry of the table with its top bit set names a segment that was
sent before, instead of a buffer of this frame.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING

from lithops.pool import shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lithops.pool.shared import Buffer

HEADER = struct.Struct("<BBBxHxxIIIQ")  # kind, flags, epoch, buffers, a, b, c, bytes of body
IN_BAND = 64 * 1024
CHUNK = 128 * 1024
SHARED = 1
SEGMENT_BIT = 1 << 63

# driver to worker
FUNCTION = 1  # a: function number; body: a pickled CallPlan
FORGET = 2  # a: function number
SEGMENT = 3  # a: segment number; body: bytes used by several blocks or functions
RELEASE = 4  # a: segment number
BLOCK = 5  # a: block number, b: first call, c: calls; body: encoded items
RANGE = 6  # epoch; a: function number, b: first call, c: calls; calls of the last block sent
BYE = 7
# worker to driver
REPORT = 8  # epoch; a: bytes about logs, b: first call, c: calls; body: see lithops.worker.codec.encode_report
OUTPUT = 9  # a: 1 or 2, the stream; b: call; body: what was written, only when output is streamed live

_CMSG = socket.CMSG_SPACE(16 * 4) if hasattr(socket, "CMSG_SPACE") else 0
_FLAGS = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_CUT = getattr(socket, "MSG_CTRUNC", 0)


class Frame:
    """One frame as it arrived; `buffers` holds memory of its own, or the numbers of segments."""

    __slots__ = ("a", "b", "body", "buffers", "c", "epoch", "error", "kind")

    def __init__(self, kind: int, epoch: int, a: int, b: int, c: int) -> None:
        self.kind, self.epoch, self.a, self.b, self.c = kind, epoch, a, b, c
        self.body: Buffer = b""
        self.buffers: list[memoryview | int] = []
        self.error: OSError | None = None
        """Why body and buffers could not be taken in: there is not so much memory."""


class Connection:
    """One end of a stream of frames. On a non-blocking socket, what cannot be sent waits in the outbox."""

    def __init__(self, sock: socket.socket, *, share: bool) -> None:
        self.sock = sock
        self._share = share
        self._buffer = bytearray()
        self._descriptors: deque[int] = deque()
        self._outbox: deque[tuple[memoryview, int | None]] = deque()
        self._corked = b""
        self._chunk = memoryview(bytearray(CHUNK))  # kept: fresh memory of this size costs more than a small frame
        self._chunks = [self._chunk]
        self._ready: deque[Frame] = deque()
        self.bytes_received = 0

    @property
    def wants_to_write(self) -> bool:
        """Whether `flush` has something to send."""
        return bool(self._outbox)

    def send(
        self,
        kind: int,
        epoch: int = 0,
        a: int = 0,
        b: int = 0,
        c: int = 0,
        body: Buffer = b"",
        buffers: Sequence[Buffer | int] = (),
        *,
        more: bool = False,
    ) -> None:
        """Send one frame; entries of `buffers` that are numbers name segments the other end has.

        With `more`, a small frame waits for the next one, so that both go in one system call.

        Raises:
            OSError: the other end is gone, or memory has run out.
        """
        size = len(body)
        if not buffers and size <= IN_BAND:
            data = self._corked + HEADER.pack(kind, 0, epoch, 0, a, b, c, size) + body
            self._corked = b""
            if more:
                self._corked = data
            else:
                self._push(data, None)
            return
        if self._corked:
            data, self._corked = self._corked, b""
            self._push(data, None)
        table = struct.pack(
            f"<{len(buffers)}Q", *(x | SEGMENT_BIT if isinstance(x, int) else memoryview(x).nbytes for x in buffers)
        )
        own = [x for x in buffers if not isinstance(x, int)]
        if self._share and (own or size > IN_BAND):
            try:
                fd = shared.create([*own, body])
            except OSError:  # no descriptors or no shared memory left: the stream will do
                pass
            else:
                self._push(HEADER.pack(kind, SHARED, epoch, len(buffers), a, b, c, size) + table, fd)
                return
        self._push(HEADER.pack(kind, 0, epoch, len(buffers), a, b, c, size) + table, None)
        for part in (body, *own):
            self._push(part, None)

    def send_descriptor(self, kind: int, a: int, size: int, fd: int) -> None:
        """Send a frame whose body of `size` bytes stands in shared memory that the caller keeps."""
        if self._corked:
            data, self._corked = self._corked, b""
            self._push(data, None)
        self._push(HEADER.pack(kind, SHARED, 0, 0, a, 0, 0, size), os.dup(fd))

    def flush(self) -> bool:
        """Send what waits in the outbox; return whether all of it is gone."""
        while self._outbox:
            data, fd = self._outbox.popleft()
            if not self._try(data, fd):
                return False
        return True

    def receive(self) -> list[Frame]:
        """Read once and return the frames that are complete now.

        Raises:
            EOFError: the other end is gone.
        """
        try:
            if self._share:
                size, ancillary, flags, _ = self.sock.recvmsg_into(self._chunks, _CMSG, _FLAGS)
                if flags & _CUT:
                    raise EOFError("a descriptor was lost: this process has too many open files")
                for _, _, raw in ancillary:
                    numbers = array.array("i")
                    numbers.frombytes(raw[: len(raw) - len(raw) % numbers.itemsize])
                    self._descriptors.extend(numbers)
            else:
                size = self.sock.recv_into(self._chunk)
        except BlockingIOError:
            return []
        except OSError as error:
            raise EOFError from error
        if not size:
            raise EOFError
        self.bytes_received += size
        buffer = self._buffer
        if buffer:  # the rest of a frame: what came before it waits there
            buffer += self._chunk[:size]
            found, used = self._parse(buffer, len(buffer))
            del buffer[:used]
        else:
            found, used = self._parse(self._chunk, size)
            if used < size:
                buffer += self._chunk[used:size]
        return found

    def next(self) -> Frame:
        """Block until a frame is complete (worker side, on a blocking socket)."""
        ready = self._ready
        while not ready:
            ready.extend(self.receive())
        return ready.popleft()

    def close(self) -> None:
        """Close the socket and all descriptors that nobody took."""
        for fd in self._descriptors:
            os.close(fd)
        self._descriptors.clear()
        for _, waiting in self._outbox:
            if waiting is not None:
                os.close(waiting)
        self._outbox.clear()
        self.sock.close()

    def _push(self, data: Buffer, fd: int | None) -> None:
        if not self._outbox and fd is None and type(data) is bytes:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self._try(memoryview(data)[sent:], None)
            return
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        if self._outbox:
            self._outbox.append((view, fd))
        else:
            self._try(view, fd)

    def _try(self, data: memoryview, fd: int | None) -> bool:
        """Send from the front; what is left goes back to the front of the outbox."""
        sent = 0
        try:
            while sent < data.nbytes:
                if fd is None:
                    sent += self.sock.send(data[sent:] if sent else data)
                else:
                    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
                    sent += self.sock.sendmsg([data], rights)
                    os.close(fd)
                    fd = None
        except BlockingIOError:
            self._outbox.appendleft((data[sent:], fd))
            return False
        except BaseException:
            if fd is not None:
                os.close(fd)
            raise
        return True

    def _parse(self, data: bytearray | memoryview, size: int) -> tuple[list[Frame], int]:
        """Return the frames that are complete in the first `size` bytes, and how many bytes they take."""
        found: list[Frame] = []
        at = 0
        while size - at >= HEADER.size:
            kind, flags, epoch, count, a, b, c, length = HEADER.unpack_from(data, at)
            start = at + HEADER.size
            if not flags and not count:
                end = start + length
                if end > size:
                    break
                frame = Frame(kind, epoch, a, b, c)
                frame.body = bytes(data[start:end])
            else:
                frame = Frame(kind, epoch, a, b, c)
                end = self._fill(frame, data, size, start, flags, count, length)
                if end < 0:
                    break
            found.append(frame)
            at = end
        return found, at

    def _fill(
        self, frame: Frame, data: bytearray | memoryview, size: int, start: int, flags: int, count: int, length: int
    ) -> int:
        """Give a frame its body and its buffers; return where it ends, -1 if it is not complete yet."""
        behind = start + 8 * count
        if behind > size:
            return -1
        table = struct.unpack_from(f"<{count}Q", data, start)
        if flags & SHARED:
            if not self._descriptors:
                return -1
            try:
                area = shared.attach(self._descriptors.popleft(), writable=frame.kind != SEGMENT)
            except OSError as error:
                frame.error = error
                return behind
            offset, end = 0, behind
        else:
            end = behind + length + sum(n for n in table if n < SEGMENT_BIT)
            if end > size:
                return -1
            frame.body = bytes(data[behind : behind + length])
            area, offset = memoryview(bytearray(data[behind + length : end])), 0
        for n in table:
            if n >= SEGMENT_BIT:
                frame.buffers.append(n ^ SEGMENT_BIT)
                continue
            frame.buffers.append(area[offset : offset + n])
            offset += shared.padded(n) if flags & SHARED else n
        if flags & SHARED:
            frame.body = area[offset : offset + length]
        return end
