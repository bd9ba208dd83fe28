"""What becomes of a program whose Redis server is restarted, emptied or choosy."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import CarrierError
from lithops.multiprocessing.carrier import new_key

from .conftest import DEADLINE_S, carrier_on, redis_only, redis_server

LOST = "is lost to this process: the program has ended, the server was restarted or emptied"


def wait_in_a_thread(carrier: Any, key: str) -> tuple[threading.Thread, list[str]]:
    """Have a thread wait for an item, and say what error it gets."""
    said: list[str] = []

    def wait() -> None:
        try:
            carrier.take(key, DEADLINE_S)
        except CarrierError as error:
            said.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, said


@redis_only
def test_what_a_restarted_server_forgot_is_said_to_be_lost(tmp_path: Path) -> None:
    socket, key = tmp_path / "socket", new_key()
    first = redis_server(socket)
    first.__enter__()
    with carrier_on(socket) as carrier:
        carrier.give(key, b"1")
        waiting, said = wait_in_a_thread(carrier, new_key())
        first.__exit__(None, None, None)
        waiting.join(DEADLINE_S)
        assert len(said) == 1
        with pytest.raises(CarrierError, match="does not do what locks, queues and pipes need"):
            carrier.size(key)
        with redis_server(socket):
            with pytest.raises(CarrierError, match=LOST):
                carrier.size(key)
            with carrier_on(socket) as later:
                assert later.size(key) == 0


@redis_only
def test_what_a_restarted_server_remembers_goes_on(tmp_path: Path) -> None:
    socket, key = tmp_path / "socket", new_key()
    on_disk = ("--appendonly", "yes", "--appendfsync", "always")
    first = redis_server(socket, *on_disk)
    first.__enter__()
    with carrier_on(socket) as carrier:
        carrier.give(key, b"1")
        first.__exit__(None, None, None)
        with redis_server(socket, *on_disk):
            assert carrier.take(key, 0) == b"1"


@redis_only
def test_emptied_server_is_seen_by_who_waits(redis_socket: Path) -> None:
    with carrier_on(redis_socket) as carrier:
        waiting, said = wait_in_a_thread(carrier, new_key())
        with carrier._link() as link:
            link.ask("DEL", f"{carrier._prefix}live")
        waiting.join(DEADLINE_S)
        assert said
        assert LOST in said[0]


@redis_only
def test_server_that_forbids_what_is_needed_is_said_at_once(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    with redis_server(socket), carrier_on(socket) as carrier:
        with carrier._link() as link:
            link.ask("ACL", "SETUSER", "default", "-client|list")
        with pytest.raises(CarrierError, match=r"does not do what .* need: .* 'client\|list'"):
            type(carrier)(carrier.address).size("x")


@redis_only
def test_late_processes_of_a_program_that_has_ended_leave_nothing(redis_socket: Path, carrier: Any) -> None:
    with carrier_on(redis_socket) as ended:
        late = type(ended)(ended.address)
        late.give("x")
    with pytest.raises(CarrierError, match=LOST):
        late.give("x")
    late.close()
    with carrier._link() as link:
        assert link.ask("KEYS", f"{ended._prefix}*") == []
