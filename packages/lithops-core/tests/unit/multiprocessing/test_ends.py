"""What is left when programs end, however they do, and when they fork."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lithops.errors import CarrierError
from lithops.multiprocessing import Lock, Process, Queue
from lithops.multiprocessing.carrier import Carrier, new_key

from .conftest import DEADLINE_S, Program, local_only, on_redis, redis_only, wait_for_end


def command(carrier: Any, *words: object) -> Any:
    """Have a command done by the server that a carrier uses."""
    with carrier._link() as link:
        return link.ask(*words)


PROGRAM = """
import os, signal
from lithops.multiprocessing import Process, Queue, Value
from lithops.multiprocessing.choice import own

def work(told):
    told.put(os.getpid())
    signal.pause()

if __name__ == "__main__":
    told, value = Queue(), Value("i", 1)
    Process(target=work, args=(told,), daemon=True).start()
    address = own().address
    print(told.get(), address.folder, address.memory, flush=True)
    {then}
"""


def server_of(pid: int) -> int:
    """Return the manager process that a program started: the child that listens, not the parent of workers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next(
        int(child) for child in children if b"multiprocessing.local" in Path(f"/proc/{child}/cmdline").read_bytes()
    )


@local_only
def test_nothing_is_left_of_a_program_that_ended(start_program: Program) -> None:
    program = start_program(PROGRAM.format(then="input()"))
    worker, folder, memory = program.stdout.readline().split()
    server = server_of(program.pid)
    assert oct(os.stat(folder).st_mode & 0o777) == "0o700"
    assert oct(os.stat(memory).st_mode & 0o777) == "0o700"
    _, err = program.communicate("\n", timeout=DEADLINE_S)
    assert (program.returncode, err) == (0, "")
    wait_for_end(server)
    wait_for_end(int(worker))
    assert not Path(folder).exists()
    assert not Path(memory).exists()


@local_only
def test_nothing_is_left_of_a_program_that_was_killed(start_program: Program) -> None:
    program = start_program(PROGRAM.format(then="signal.pause()"))
    worker, folder, memory = program.stdout.readline().split()
    server = server_of(program.pid)
    program.kill()
    wait_for_end(server)
    wait_for_end(int(worker))
    assert not Path(folder).exists()
    assert not Path(memory).exists()


@local_only
def test_killed_manager_process_is_said(start_program: Program) -> None:
    program = start_program(PROGRAM.format(then="input(); told.put(1)"))
    program.stdout.readline()
    os.kill(server_of(program.pid), signal.SIGKILL)
    _, err = program.communicate("\n", timeout=DEADLINE_S)
    assert program.returncode == 1
    assert "CarrierError: the process that keeps locks, queues and pipes does not answer at" in err
    assert "what it kept is lost" in err


@local_only
def test_what_a_killed_manager_process_left_is_removed_by_a_later_one(carrier: Any) -> None:
    from lithops.multiprocessing.local.starting import ManagerProcess, sweep

    manager = ManagerProcess()
    folder, memory = Path(manager.address.folder), Path(manager.address.memory)
    os.kill(manager._pid, signal.SIGKILL)
    manager.close()
    sweep(folder.parent)
    assert folder.exists()  # it is so young that it may be one that is being started
    os.utime(folder, (0, 0))
    os.utime(carrier.address.folder, (0, 0))
    sweep(folder.parent)
    assert not folder.exists()
    assert not memory.exists()
    assert carrier.size("x") == 0  # the one that is used goes on


@local_only
def test_stranger_without_the_key_is_sent_away(carrier: Any) -> None:
    from lithops.multiprocessing.local.carrier import LocalCarrier

    stranger = LocalCarrier(carrier.address._replace(key=bytes(32)))
    with pytest.raises(CarrierError, match="does not answer"):
        stranger.size("anything")
    stranger.close()
    carrier.fill("x", 1)
    assert carrier.size("x") == 1
    carrier.discard("x")


INTERRUPTED = """
import os, signal, threading
from lithops.multiprocessing import {names}

{make}
main = threading.main_thread().ident
threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted")
{then}
"""


def interrupted(names: str, make: str, wait: str, then: str) -> str:
    return INTERRUPTED.format(names=names, make=make, wait=wait, then=then)


@local_only
@pytest.mark.parametrize(
    "code",
    [
        interrupted("Queue", "q = Queue()", "q.get()", "q.put(5); print(q.get(timeout=9))"),
        interrupted("Lock", "q = Lock(); q.acquire()", "q.acquire()", "q.release(); print(5 * q.acquire(timeout=9))"),
        interrupted("Event", "q = Event()", "q.wait()", "q.set(); print(5 * q.wait(9))"),
        interrupted("Pipe", "r, w = Pipe()", "r.recv()", "w.send(5); print(r.recv())"),
        interrupted("Pool", "p = Pool(1)", "p.apply(signal.pause)", "p.terminate(); p.join(); print(5)"),
    ],
    ids=["get", "acquire", "event", "recv", "apply"],
)
def test_interrupted_wait_takes_nothing_with_it(code: str, run_program: Callable[[str], tuple[int, str, str]]) -> None:
    assert run_program(code) == (0, "interrupted\n5\n", "")


@redis_only
@pytest.mark.parametrize(
    ("names", "make", "wait", "then"),
    [
        ("Queue", "q = Queue(1)", "q.get()", "q.put(5); print(q.get(timeout=9))"),
        ("Lock", "q = Lock(); q.acquire()", "q.acquire()", "q.release(); print(5 * q.acquire(timeout=9))"),
        ("Event", "q = Event()", "q.wait()", "q.set(); print(5 * q.wait(9))"),
    ],
)
def test_interrupted_wait_takes_nothing_with_it_from_redis(
    names: str,
    make: str,
    wait: str,
    then: str,
    redis_socket: Path,
    run_program: Callable[[str], tuple[int, str, str]],
) -> None:
    setting = f"config.update({{'CARRIER': 'redis', 'LITHOPS_CONFIG': {on_redis(redis_socket)!r}}})"
    code = interrupted(f"{names}, config", f"{setting}; {make}", wait, then)
    assert run_program(code) == (0, "interrupted\n5\n", "")


@pytest.mark.parametrize("what", ["queue", "lock"])
def test_forked_child_uses_what_its_parent_does(what: str, carrier: Carrier) -> None:
    queue, lock = Queue(), Lock()
    lock.acquire()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if what == "queue":
                queue.put("from the child")
            elif not lock.acquire(False):
                lock.release()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if what == "queue":
        assert queue.get(timeout=DEADLINE_S) == "from the child"
        lock.release()
    else:
        assert lock.acquire(timeout=DEADLINE_S)


@redis_only
def test_keys_are_gone_with_the_program_and_expire_without(
    carrier: Any, redis_socket: Path, run_program: Callable[[str], tuple[int, str, str]]
) -> None:
    code, out, err = run_program(
        f"""
import redis
from lithops.multiprocessing import Process, Queue, Value, config
from lithops.multiprocessing.choice import own

config.update({{"CARRIER": "redis", "LITHOPS_CONFIG": {on_redis(redis_socket)!r}, "REDIS_EXPIRY_TIME": 100}})

def work(queue, value):
    queue.put(value.value)

if __name__ == "__main__":
    queue, value = Queue(3), Value("i", 5)
    child = Process(target=work, args=(queue, value))
    child.start()
    child.join()
    server = redis.Redis(unix_socket_path={str(redis_socket)!r}, password="not known to anybody")
    mine = server.keys(own()._prefix + "*")
    print(len(mine) > 3, all(0 < server.ttl(key) <= 100 for key in mine), queue.get())
    print(own()._prefix)
"""
    )
    assert (code, err) == (0, "")
    first, prefix = out.splitlines()
    assert first == "True True 5"
    assert command(carrier, "KEYS", prefix + "*") == []


@redis_only
def test_password_travels_only_if_it_may(carrier: Any, redis_socket: Path) -> None:
    from lithops.multiprocessing import config
    from lithops.multiprocessing.choice import open_carrier

    assert b"not known" in pickle.dumps(carrier)
    before = dict(config._values)
    kept = on_redis(redis_socket, ship_credentials=False)
    config.update({config.CARRIER: "redis", config.LITHOPS_CONFIG: kept})
    try:
        quiet: Any = open_carrier()
        assert b"not known" not in pickle.dumps(quiet)
        assert "not known" not in repr(quiet.address)
        quiet.fill("x", 1)
        assert quiet.size("x") == 1
        config.update({config.LITHOPS_CONFIG: {}})
        stranger = type(quiet)(quiet.address)
        with pytest.raises(CarrierError, match="wants a password, which this process does not have"):
            stranger.size("x")
        quiet.remove_all()
    finally:
        config.update(before)


@redis_only
def test_redis_that_is_not_there_is_said(carrier: Any, tmp_path: Path) -> None:
    address = carrier.address._replace(options=(("unix_socket_path", str(tmp_path / "nobody")),))
    with pytest.raises(CarrierError, match=r"Redis at .*nobody does not do what locks, queues and pipes need"):
        type(carrier)(address).size("x")


@local_only
@pytest.mark.parametrize("body", [b"no pickle", pickle.dumps(("no such step", True)), pickle.dumps(("size", True))])
def test_garbage_costs_the_connection_that_it_came_over_only(body: bytes, carrier: Any) -> None:
    from lithops.multiprocessing.local import wire
    from lithops.multiprocessing.local.link import Link

    carrier.fill("x", 1)
    link = Link(carrier.address, "somebody")
    link._sock.sendall(wire.HEAD.pack(len(body)) + body)
    assert link._sock.recv(1) == b""
    link.close()
    assert carrier.size("x") == 1
    carrier.discard("x")


def test_process_that_is_delivered_twice_runs_once(carrier: Carrier) -> None:
    from lithops.multiprocessing.popen import run

    told, begun = Queue(), new_key()
    carrier.give(begun, b"1")
    assert run(Process(target=told.put, args=(1,)), carrier, begun, os.getpid(), None) == -signal.SIGKILL
    assert told.empty()
    carrier.discard(begun)


CTRL_C = """
import signal
from lithops.multiprocessing import Event, Process, Queue

def work(told, begun):
    begun.set()
    told.get()

if __name__ == "__main__":
    told, begun = Queue(), Event()
    process = Process(target=work, args=(told, begun))
    process.start()
    begun.wait()
    print("begun", flush=True)
    {then}
"""


@local_only
@pytest.mark.parametrize("then", ["process.join()", "signal.pause()"])
def test_ctrl_c_ends_the_processes_too(start_program: Program, then: str) -> None:
    program = start_program(CTRL_C.format(then=then))
    assert program.stdout.readline() == "begun\n"
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=DEADLINE_S)
    assert "Process Process-1:" in err
    assert err.count("KeyboardInterrupt") >= 2
    assert program.returncode == -signal.SIGINT


@local_only
def test_ctrl_c_ends_a_program_that_only_waits_for_its_processes_to_end(start_program: Program) -> None:
    program = start_program(CTRL_C.format(then="import atexit; atexit.register(print, 'exits', flush=True)"))
    assert [program.stdout.readline() for _ in range(2)] == ["begun\n", "exits\n"]
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=DEADLINE_S)
    assert "KeyboardInterrupt" in err


@local_only
def test_ctrl_c_that_is_caught_while_joining_has_reached_the_process(start_program: Program) -> None:
    make = "p = Process(target=signal.pause); p.start(); p.pid"
    program = start_program(interrupted("Process", make, "p.join()", "p.join(); print(p.exitcode)"))
    out, err = program.communicate(timeout=DEADLINE_S)
    assert (program.returncode, out) == (0, "interrupted\n1\n")
    assert "Process Process-1:" in err
    assert "KeyboardInterrupt" in err


@redis_only
def test_redis_may_forget_scripts(carrier: Any) -> None:
    queue, lock = Queue(), Lock()
    queue.put(1)
    command(carrier, "SCRIPT", "FLUSH")
    assert queue.get(timeout=DEADLINE_S) == 1
    with lock:
        command(carrier, "SCRIPT", "FLUSH")
    queue.put(2)
    assert queue.get(timeout=DEADLINE_S) == 2
