"""Frames over a socket pair: in the stream, beside it, in pieces, and when the other end is slow or gone."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from lithops.pool import frames, shared
from lithops.pool.frames import Connection, Frame

Pair = tuple[Connection, Connection]
Ends = Callable[[bool], Pair]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Make connected ends: one that does not block, as the driver's, and one that does, as a worker's."""
    made: list[Connection] = []

    def make(share: bool) -> Pair:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        made.extend((Connection(ours, share=share), Connection(theirs, share=share)))
        return made[-2], made[-1]

    yield make
    for connection in made:
        connection.close()


def send_all(sender: Connection, receiver: Connection, send: Callable[[], None], count: int = 1) -> list[Frame]:
    """Send, and flush for as long as the other end needs to take in `count` frames."""
    received: list[Frame] = []
    taking = threading.Thread(target=lambda: received.extend(receiver.next() for _ in range(count)))
    taking.start()
    send()
    sender.sock.setblocking(True)
    sender.flush()
    taking.join(20)
    assert not taking.is_alive()
    return received


@pytest.mark.parametrize("share", [True, False])
def test_a_small_frame_arrives_as_it_was_sent(ends: Ends, share: bool) -> None:
    driver, worker = ends(share)
    driver.send(frames.RANGE, 7, 1, 2, 3, b"key")
    frame = worker.next()
    assert (frame.kind, frame.epoch, frame.a, frame.b, frame.c, bytes(frame.body)) == (frames.RANGE, 7, 1, 2, 3, b"key")
    assert frame.buffers == []


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("size", [0, 1, frames.IN_BAND, frames.IN_BAND + 1, 3 * frames.CHUNK + 5])
def test_bodies_of_any_size_arrive_whole(ends: Ends, share: bool, size: int) -> None:
    driver, worker = ends(share)
    body = os.urandom(size)
    (frame,) = send_all(driver, worker, lambda: driver.send(frames.BLOCK, 0, 1, 2, 3, body))
    assert bytes(frame.body) == body


@pytest.mark.parametrize("share", [True, False])
def test_many_more_buffers_than_descriptors_fit_into_a_message_arrive_in_order(ends: Ends, share: bool) -> None:
    driver, worker = ends(share)
    buffers = [bytes([k % 256]) * (k + 1) for k in range(700)]
    (frame,) = send_all(driver, worker, lambda: driver.send(frames.BLOCK, body=b"body", buffers=buffers))
    assert [bytes(b) for b in frame.buffers if not isinstance(b, int)] == buffers
    assert bytes(frame.body) == b"body"


@pytest.mark.parametrize("share", [True, False])
def test_segments_are_named_between_buffers(ends: Ends, share: bool) -> None:
    driver, worker = ends(share)
    (frame,) = send_all(driver, worker, lambda: driver.send(frames.BLOCK, body=b"b", buffers=[3, b"x" * 100, 99, b"y"]))
    assert [b if isinstance(b, int) else bytes(b) for b in frame.buffers] == [3, b"x" * 100, 99, b"y"]


@pytest.mark.parametrize("share", [True, False])
def test_buffers_arrive_writable_and_are_nobody_elses(ends: Ends, share: bool) -> None:
    driver, worker = ends(share)
    source = bytearray(b"x" * 100_000)
    (frame,) = send_all(driver, worker, lambda: driver.send(frames.BLOCK, buffers=[source]))
    (buffer,) = frame.buffers
    assert isinstance(buffer, memoryview)
    buffer[0] = ord("y")
    assert source[0] == ord("x")


def test_a_segment_can_be_mapped_by_several_and_changed_by_none(ends: Ends) -> None:
    fd = shared.create([b"z" * 200_000])
    mapped = []
    for _ in range(2):
        driver, worker = ends(True)
        driver.send_descriptor(frames.SEGMENT, 5, 200_000, fd)
        frame = worker.next()
        assert (frame.a, bytes(frame.body)) == (5, b"z" * 200_000)
        mapped.append(frame.body)
    os.close(fd)
    assert isinstance(mapped[0], memoryview)
    with pytest.raises(TypeError, match="read-only"):
        mapped[0][0] = 1


def test_frames_that_come_byte_by_byte_are_put_together(ends: Ends) -> None:
    ours, theirs = socket.socketpair()
    receiver = Connection(theirs, share=False)
    theirs.setblocking(False)
    stream = b"".join(
        frames.HEADER.pack(frames.REPORT, 0, n, 0, n, n, n, len(body)) + body
        for n, body in enumerate([b"", b"one", b"two" * 100])
    )
    received = []
    for byte in stream:
        ours.send(bytes((byte,)))
        received += list(receiver.receive())
    assert [(f.epoch, bytes(f.body)) for f in received] == [(0, b""), (1, b"one"), (2, b"two" * 100)]
    ours.close()
    receiver.close()


def test_several_frames_in_one_read_are_all_found(ends: Ends) -> None:
    driver, worker = ends(True)
    for n in range(100):
        worker.send(frames.REPORT, n, body=bytes([n]))
    received: list[Frame] = []
    while len(received) < 100:
        received += driver.receive()
    assert [frame.epoch for frame in received] == list(range(100))


def test_frames_that_wait_for_the_next_keep_their_order(ends: Ends) -> None:
    driver, worker = ends(True)
    driver.send(frames.FUNCTION, a=1, body=b"f", more=True)
    driver.send(frames.BLOCK, a=2, body=b"x" * 100_000, more=True)
    driver.send(frames.FORGET, a=3, more=True)
    driver.send(frames.RANGE, a=4)
    assert [worker.next().a for _ in range(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize("share", [True, False])
def test_what_a_full_socket_does_not_take_waits_and_arrives_in_order(ends: Ends, share: bool) -> None:
    driver, worker = ends(share)
    bodies = [bytes([n]) * (30_000 + n) for n in range(40)]
    for body in bodies:
        driver.send(frames.BLOCK, body=body)
    assert driver.wants_to_write
    assert not driver.flush()

    received: list[bytes] = []
    while len(received) < 40:
        received.append(bytes(worker.next().body))
        driver.flush()
    assert received == bodies
    assert not driver.wants_to_write


def test_descriptors_wait_with_their_frames_when_the_socket_is_full(ends: Ends) -> None:
    driver, worker = ends(True)
    before = psutil.Process().num_fds()
    for n in range(12):
        driver.send(frames.BLOCK, a=n, body=bytes([n]) * 60_000)  # in the stream
        driver.send(frames.BLOCK, a=100 + n, buffers=[bytes([n]) * 100_000])  # beside it
    assert driver.wants_to_write
    seen: list[Frame] = []
    while len(seen) < 24:
        seen.append(worker.next())
        driver.flush()
    assert [f.a for f in seen] == [x for n in range(12) for x in (n, 100 + n)]
    assert all(bytes(f.buffers[0]) == bytes([f.a - 100]) * 100_000 for f in seen[1::2])
    seen.clear()  # a map holds a descriptor for as long as it lives
    assert psutil.Process().num_fds() == before


def test_descriptors_that_nobody_took_are_closed(ends: Ends) -> None:
    before = psutil.Process().num_fds()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    driver, worker = Connection(ours, share=True), Connection(theirs, share=True)
    for n in range(300):
        driver.send(frames.BLOCK, a=n, buffers=[b"x" * 70_000])
        driver.send(frames.BLOCK, a=n, body=b"x" * 60_000)
    worker.next()
    driver.close()
    worker.close()
    assert psutil.Process().num_fds() == before


def test_the_end_of_the_stream_is_told_by_eof_error(ends: Ends) -> None:
    driver, worker = ends(True)
    driver.send(frames.RANGE, 1)
    driver.close()
    assert worker.next().epoch == 1
    with pytest.raises(EOFError):
        worker.next()


def test_sending_to_an_end_that_is_gone_raises_and_leaks_no_descriptor(ends: Ends) -> None:
    driver, worker = ends(True)
    worker.close()
    before = psutil.Process().num_fds()
    with pytest.raises(ConnectionError):
        driver.send(frames.BLOCK, buffers=[b"x" * 100_000])
    assert psutil.Process().num_fds() == before


def test_nothing_to_read_on_a_socket_that_does_not_block_yields_nothing(ends: Ends) -> None:
    driver, _ = ends(True)
    assert list(driver.receive()) == []


@pytest.mark.needs("linux")
def test_without_descriptors_left_large_frames_go_into_the_stream(ends: Ends) -> None:
    driver, worker = ends(True)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), limits[1]))
    taken = []
    try:
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        (frame,) = send_all(driver, worker, lambda: driver.send(frames.BLOCK, body=b"b", buffers=[b"x" * 500_000]))
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [bytes(b) for b in frame.buffers] == [b"x" * 500_000]


@pytest.mark.needs("linux")
def test_a_descriptor_that_cannot_be_taken_in_ends_the_stream_instead_of_waiting_for_ever(ends: Ends) -> None:
    driver, worker = ends(True)
    driver.send(frames.BLOCK, buffers=[b"x" * 500_000])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(EOFError, match="a descriptor was lost: this process has too many open files"):
            worker.next()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
