"""Pipes, waiting for several, and connections by address, on both carriers."""

from __future__ import annotations

import os
import signal
import socket
import threading
from multiprocessing import AuthenticationError, BufferTooShort
from typing import Any

import pytest

from lithops import FunctionExecutor
from lithops.multiprocessing import Pipe, Process, Queue
from lithops.multiprocessing.connection import Client, Connection, Listener, wait

from .conftest import DEADLINE_S


def test_both_ends_of_a_pipe_send_and_receive() -> None:
    one, other = Pipe()
    one.send({"a": 1})
    assert other.recv() == {"a": 1}
    other.send_bytes(b"bytes")
    assert one.poll(DEADLINE_S)
    assert one.recv_bytes() == b"bytes"
    assert not one.poll()
    assert not one.poll(0.01)


def test_ends_of_a_simplex_pipe_do_one_thing() -> None:
    reader, writer = Pipe(duplex=False)
    assert (reader.readable, reader.writable, writer.readable, writer.writable) == (True, False, False, True)
    with pytest.raises(OSError, match="read-only"):
        reader.send(1)
    with pytest.raises(OSError, match="write-only"):
        writer.recv()


def test_empty_message_is_a_message() -> None:
    reader, writer = Pipe(duplex=False)
    writer.send_bytes(b"")
    assert reader.recv_bytes() == b""


def test_bytes_are_received_into_a_buffer() -> None:
    reader, writer = Pipe(duplex=False)
    buffer = bytearray(10)
    writer.send_bytes(b"0123456789", 2, 4)
    assert reader.recv_bytes_into(buffer, 1) == 4
    assert buffer == b"\x002345" + bytes(5)
    writer.send_bytes(bytes(11))
    with pytest.raises(BufferTooShort):
        reader.recv_bytes_into(buffer)


def test_message_longer_than_allowed_ends_the_connection() -> None:
    reader, writer = Pipe(duplex=False)
    writer.send_bytes(bytes(10))
    with pytest.raises(OSError, match="bad message length"):
        reader.recv_bytes(9)


def test_reader_sees_the_end_behind_the_last_message() -> None:
    reader, writer = Pipe(duplex=False)
    writer.send(1)
    writer.close()
    assert reader.recv() == 1
    for _ in range(2):
        with pytest.raises(EOFError):
            reader.recv()
    assert reader.poll()


def test_writer_sees_that_nobody_reads() -> None:
    reader, writer = Pipe(duplex=False)
    reader.close()
    with pytest.raises(BrokenPipeError, match="nobody reads"):
        writer.send(1)


def test_closed_connection_refuses() -> None:
    one, _ = Pipe()
    one.close()
    one.close()
    assert one.closed
    with pytest.raises(OSError, match="closed"):
        one.send(1)


def answer(connection: Connection) -> None:
    with connection:
        while (item := connection.recv()) is not None:
            connection.send(item + 1)


def test_process_talks_over_the_end_it_was_given() -> None:
    mine, theirs = Pipe()
    process = Process(target=answer, args=(theirs,))
    process.start()
    theirs.close()
    for item in range(5):
        mine.send(item)
        assert mine.recv() == item + 1
    mine.send(None)
    with pytest.raises(EOFError):
        mine.recv()
    process.join(DEADLINE_S)
    assert process.exitcode == 0


def talk_and_stay(connection: Connection) -> None:
    connection.send(os.getpid())
    signal.pause()


def test_killed_process_closes_its_end() -> None:
    reader, writer = Pipe(duplex=False)
    process = Process(target=talk_and_stay, args=(writer,))
    process.start()
    writer.close()
    os.kill(reader.recv(), signal.SIGKILL)
    with pytest.raises(EOFError):
        reader.recv()
    process.join(DEADLINE_S)


def test_end_that_was_sent_to_a_process_that_never_had_it_is_closed() -> None:
    reader, writer = Pipe(duplex=False)
    process = Process(target=answer, args=(writer, "one argument too many"))
    process.start()
    writer.close()
    with pytest.raises(EOFError):
        reader.recv()
    process.join(DEADLINE_S)
    assert process.exitcode == 1


def test_connection_travels_through_a_pipe() -> None:
    one, other = Pipe()
    reader, writer = Pipe(duplex=False)
    one.send(writer)
    writer.close()
    arrived = other.recv()
    arrived.send("hello")
    arrived.close()
    assert reader.recv() == "hello"
    with pytest.raises(EOFError):
        reader.recv()


def test_connection_is_an_argument_of_ordinary_calls() -> None:
    mine, theirs = Pipe()
    mine.send(1)
    mine.send(None)
    with FunctionExecutor(worker_processes=1) as fexec:
        fexec.call_async(answer, (theirs,))
        fexec.get_result()
    assert mine.recv() == 2


def test_wait_tells_which_are_ready() -> None:
    pipes = [Pipe(duplex=False) for _ in range(3)]
    readers = [reader for reader, _ in pipes]
    assert wait(readers, 0.01) == []
    pipes[1][1].send("b")
    assert wait(readers, DEADLINE_S) == [readers[1]]
    assert readers[1].recv() == "b"
    assert wait(readers, 0.01) == []
    pipes[2][1].close()
    assert wait(readers, DEADLINE_S) == [readers[2]]


def test_wait_takes_connections_sentinels_and_sockets_together() -> None:
    reader, _writer = Pipe(duplex=False)
    left, right = socket.socketpair()
    process = Process(target=int)
    process.start()
    assert wait([reader, process.sentinel, left], DEADLINE_S) == [process.sentinel]
    right.send(b".")
    assert set(wait([reader, process.sentinel, left], DEADLINE_S)) == {process.sentinel, left}
    process.join(DEADLINE_S)
    left.close()
    right.close()


def call_in(address: Any, authkey: bytes) -> None:
    with Client(address, authkey=authkey) as connection:
        connection.send("hello")


def test_client_finds_the_listener_by_its_address() -> None:
    with Listener(authkey=b"secret") as listener:
        process = Process(target=call_in, args=(listener.address, b"secret"))
        process.start()
        with listener.accept() as connection:
            assert connection.recv() == "hello"
        process.join(DEADLINE_S)
        assert process.exitcode == 0


def call_in_and_go(address: Any) -> None:
    Client(address).send("hello")


def test_what_a_client_sent_is_there_when_it_has_ended_before_it_was_accepted() -> None:
    with Listener() as listener:
        process = Process(target=call_in_and_go, args=(listener.address,))
        process.start()
        process.join(DEADLINE_S)
        with listener.accept() as connection:
            assert connection.recv() == "hello"
            with pytest.raises(EOFError):
                connection.recv()


def listen_and_die(told: Queue) -> None:
    listener = Listener()
    told.put((os.getpid(), listener.address))
    signal.pause()


@pytest.mark.parametrize("carrier", ["local"], indirect=True)
def test_client_that_waits_to_be_accepted_sees_that_the_listener_died() -> None:
    told = Queue()
    process = Process(target=listen_and_die, args=(told,))
    process.start()
    pid, address = told.get(timeout=DEADLINE_S)
    client = Client(address)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EOFError):
        client.recv()
    process.join(DEADLINE_S)


def test_client_with_another_key_is_refused() -> None:
    errors = Queue()

    def call() -> None:
        try:
            Client(listener.address, authkey=b"guess")
        except AuthenticationError as error:
            errors.put(str(error))

    with Listener(authkey=b"secret") as listener:
        thread = threading.Thread(target=call)
        thread.start()
        with pytest.raises(AuthenticationError, match="digest received was wrong"):
            listener.accept()
        thread.join(DEADLINE_S)
        assert "digest sent was rejected" in errors.get(timeout=DEADLINE_S)


def test_nobody_is_reached_where_nobody_listens() -> None:
    listener = Listener("lithops:door")
    address = listener.address
    with pytest.raises(OSError, match="'lithops:door' is in use"):
        Listener("lithops:door")
    waiting = Client(address)
    listener.close()
    with pytest.raises(ConnectionRefusedError, match="nobody listens at 'lithops:door'"):
        Client(address)
    with pytest.raises(EOFError):
        waiting.recv()
    Listener("lithops:door").close()


def test_address_of_sockets_is_the_standard_librarys() -> None:
    with Listener(("localhost", 0)) as listener:
        thread = threading.Thread(target=lambda: Client(listener.address).send(1))
        thread.start()
        with listener.accept() as connection:
            assert connection.recv() == 1
        thread.join(DEADLINE_S)


def test_key_must_be_bytes() -> None:
    with pytest.raises(TypeError, match="authkey must be bytes, found 'text'"):
        Listener(authkey="text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="authkey must be bytes, found 'text'"):
        Client("lithops:door", authkey="text")  # type: ignore[arg-type]


def test_process_that_ends_closes_the_ends_it_has() -> None:
    reader, writer = Pipe(duplex=False)
    process = Process(target=keep, args=(writer,))
    process.start()
    writer.close()
    with pytest.raises(EOFError):
        reader.recv()
    process.join(DEADLINE_S)


def keep(connection: Connection) -> None:
    global kept
    kept = connection
