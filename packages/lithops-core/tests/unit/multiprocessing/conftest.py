"""Both carriers, real processes, and a real Redis server: nothing here sleeps to wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

import pytest

from lithops.multiprocessing import config, starter
from lithops.multiprocessing.carrier import Carrier
from lithops.multiprocessing.choice import open_carrier
from lithops.multiprocessing.local.carrier import LocalCarrier
from lithops.multiprocessing.local.starting import ManagerProcess
from lithops.multiprocessing.reach import process

DEADLINE_S = 60
"""How long anything may take before a test says that it hangs."""
PASSWORD = "not known to anybody"
local_only = pytest.mark.parametrize("carrier", ["local"], indirect=True)


def redis_only(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with the carrier in Redis."""
    return pytest.mark.needs("redis-server")(pytest.mark.parametrize("carrier", ["redis"], indirect=True)(test))


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lstrip("_").startswith("LITHOPS_")]:
            patch.delenv(name)
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(folder))
        patch.setenv("LITHOPS_STATE_DIR", str(folder / "state"))
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_executor_stays(_own_state: None) -> Iterator[None]:
    yield
    while starter.processes._executors:
        starter.processes._executors.pop()[0].close()


@pytest.fixture(scope="module")
def local(_own_state: None) -> Iterator[Carrier]:
    """A manager process on this machine."""
    manager = ManagerProcess()
    carrier = LocalCarrier(manager.address)
    yield process.to(lambda _: carrier, manager.address)
    carrier.close()
    manager.close()


@contextmanager
def redis_server(path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have a Redis server on a socket, with nothing on disk but what the options say."""
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--requirepass", PASSWORD]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, cwd=path.parent) as server:
        try:
            assert server.stdout is not None
            while b"ready to accept connections" not in (line := server.stdout.readline()):
                assert line, "the server ended"
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            server.stdout.read()


@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Redis server of our own, on a socket."""
    path = tmp_path_factory.mktemp("redis") / "socket"
    with redis_server(path):
        yield path


def on_redis(path: Path, **more: object) -> dict[str, dict[str, object]]:
    """Return a configuration with this server."""
    return {"redis": {"unix_socket_path": str(path), "password": PASSWORD, "ship_credentials": True, **more}}


@contextmanager
def carrier_on(path: Path) -> Iterator[Any]:
    """Have a namespace in Redis."""
    before = dict(config._values)
    config.update({config.CARRIER: "redis", config.LITHOPS_CONFIG: on_redis(path)})
    try:
        carrier: Any = open_carrier()
    finally:
        config.update(before)
    yield carrier
    carrier.remove_all()


@pytest.fixture(scope="module")
def redis(redis_socket: Path) -> Iterator[Carrier]:
    """A namespace in Redis."""
    with carrier_on(redis_socket) as carrier:
        yield carrier


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.needs("redis-server"))], autouse=True)
def carrier(request: pytest.FixtureRequest) -> Iterator[Carrier]:
    """Each of the two; new objects go there."""
    before = process._own
    chosen: Carrier = request.getfixturevalue(request.param)
    process.adopt(chosen)
    yield chosen
    process._own = before


Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[Program]:
    """Start programs of their own; whatever still runs at the end is killed."""
    started = []

    def start(code: str, **options: object) -> subprocess.Popen[str]:
        script = tmp_path / f"program{len(started)}.py"
        script.write_text(code)
        program = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"},
            **options,  # type: ignore[call-overload]
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()


@pytest.fixture
def run_program(start_program: Program) -> Callable[[str], tuple[int, str, str]]:
    """Run a program and return its exit code and what it said."""

    def run(code: str) -> tuple[int, str, str]:
        program = start_program(code)
        out, err = program.communicate(timeout=DEADLINE_S)
        return program.returncode, out, err

    return run


def wait_for_end(pid: int) -> None:
    """Wait until a process of anybody's has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select([handle], [], [], DEADLINE_S)
    os.close(handle)
    assert ready, f"process {pid} has not ended"
