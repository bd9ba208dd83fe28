"""Many exchanges at once, also where few files may be open."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import LIMIT_S, Call, MakeEngine, Serve


def test_ten_thousand_exchanges_with_a_thousand_in_flight(serve: Serve, make_engine: MakeEngine, ca_file: str) -> None:
    server = serve()
    engine = make_engine(connections=1000)
    calls = [Call(server.url, b"%d" % n, ca_file=ca_file) for n in range(10_000)]
    engine.send(calls)
    assert [call.response().body for call in calls] == [b"%d" % n for n in range(10_000)]
    assert server.most_open <= 1000


PROGRAM = """
import logging, os, resource, sys, threading, time
from lithops.serverless.http.engine import Engine
from lithops.types import HttpRequest

logging.basicConfig(format="%(message)s", stream=sys.stdout)
url, files, taken = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
ended, left, responses = threading.Event(), [2000], []

class Call:
    deadline = time.monotonic() + 60
    def request(self): return HttpRequest(url=url, body=b"x")
    def answered(self, response): responses.append(response.status); self.end()
    def failed(self, error, sent): print(repr(error)); self.end()
    def end(self):
        left[0] -= 1
        if not left[0]: ended.set()

engine = Engine(connections=1000)
held = [os.open(os.devnull, os.O_RDONLY) for _ in range(taken)]
engine.send([Call() for _ in range(2000)])
assert ended.wait(60)
engine.close()
print(len(responses), set(responses))
"""


def run(url: str, files: int, taken: int) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, url, str(files), str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_engine_leaves_the_program_a_quarter_of_the_files_it_may_open(serve: Serve) -> None:
    server = serve(tls="")
    assert run(server.url, files=64, taken=0) == ["2000 {200}"]
    assert server.most_open <= 48


@pytest.mark.parametrize("free", [24, 8])
def test_where_no_more_files_can_be_opened_fewer_connections_do(serve: Serve, free: int) -> None:
    server = serve(tls="")
    *said, last = run(server.url, files=200, taken=200 - free)
    assert last == "2000 {200}"
    assert [line.partition(";")[0] for line in said] == [
        "no more connections can be opened for now (Too many open files)"
    ]
    assert server.most_open < free
