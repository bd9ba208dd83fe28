"""The engine among threads, processes and callbacks that misbehave."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from lithops.errors import ClosedError
from lithops.serverless.http.engine import Engine
from lithops.types import HttpRequest, HttpResponse

from .conftest import LIMIT_S, Call, Connection, MakeEngine, Serve


def test_nothing_runs_before_the_first_exchange_is_sent(engine: Engine) -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "lithops-http"]
    assert engine.drop([Call("https://example.org")]) == []


def test_all_callbacks_come_on_one_thread_which_is_not_the_senders(serve: Serve, engine: Engine) -> None:
    calls = [Call(serve(tls="").url), Call("ftp://host")]
    engine.send(calls)
    calls[0].response()
    calls[1].error()
    (thread,) = {call.thread for call in calls}
    assert thread != threading.get_ident()


def test_many_threads_send_at_once(serve: Serve, engine: Engine, ca_file: str) -> None:
    url = serve().url
    calls = [[Call(url, b"%d" % n, ca_file=ca_file) for n in range(50)] for _ in range(8)]
    threads = [threading.Thread(target=lambda own=own: [engine.send([call]) for call in own]) for own in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    for own in calls:
        assert [call.response().body for call in own] == [b"%d" % n for n in range(50)]


def test_exchange_sent_from_a_callback_goes_out_on_the_same_connection(serve: Serve, engine: Engine) -> None:
    server = serve(tls="")
    second = Call(server.url, b"second")

    class First(Call):
        def answered(self, response: HttpResponse) -> None:
            engine.send([second])
            super().answered(response)

    engine.send([First(server.url)])
    assert second.response().body == b"second"
    assert server.accepted == 1


def test_end_of_a_turn_is_told_once_for_all_that_ended_in_it(make_engine: MakeEngine) -> None:
    calls = [Call("ftp://host") for _ in range(500)]
    turns = []
    told = threading.Event()

    def after_turn() -> None:
        turns.append(sum(call.has_ended for call in calls))
        if turns[-1] == len(calls):
            told.set()

    make_engine(after_turn=after_turn).send(calls)
    assert told.wait(LIMIT_S)
    assert turns == [500]


def test_end_of_a_turn_may_send_more(serve: Serve, make_engine: MakeEngine) -> None:
    url = serve(tls="").url
    more = [Call(url) for _ in range(10)]
    left = list(more)

    def after_turn() -> None:
        if left:
            engine.send([left.pop()])

    engine = make_engine(after_turn=after_turn)
    engine.send([Call(url)])
    for call in more:
        call.response()


class Raising(Call):
    """Raises whatever it is told to, after it has taken note."""

    what: BaseException = ValueError("from a callback")

    def answered(self, response: HttpResponse) -> None:
        super().answered(response)
        raise self.what

    def failed(self, error: Exception, sent: bool) -> None:
        super().failed(error, sent)
        raise self.what


@pytest.mark.parametrize("what", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_callback_that_raises_is_logged_and_the_engine_goes_on(
    serve: Serve, make_engine: MakeEngine, caplog: pytest.LogCaptureFixture, what: Callable[[str], BaseException]
) -> None:
    def after_turn() -> None:
        raise what("from the turn")

    server, engine = serve(tls=""), make_engine(after_turn=after_turn)
    for url, ended in ((server.url, Call.response), ("ftp://host", Call.error)):
        call = Raising(url)
        call.what = what("from a callback")
        engine.send([call])
        ended(call)  # type: ignore[operator]
    after = Call(server.url)
    engine.send([after])
    after.response()
    engine.close()
    assert server.accepted == 1
    messages = {record.getMessage() for record in caplog.records}
    assert "a response could not be taken" in messages
    assert "the end of a turn could not be taken" in messages
    assert any(message.startswith("a failure could not be taken: cannot send to the URL") for message in messages)


def test_request_that_exits_fails_its_exchange(engine: Engine) -> None:
    class Exiting(Call):
        def request(self) -> HttpRequest:
            raise SystemExit(3)

    call = Exiting("https://example.org")
    engine.send([call])
    assert str(call.error()) == "no request was made: SystemExit(3)"


def test_what_has_not_begun_can_be_dropped(serve: Serve, make_engine: MakeEngine) -> None:
    arrived = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        arrived.set()
        await connection.closed()

    engine = make_engine(connections=1)
    url = serve(script, tls="").url
    begun, waiting, kept = Call(url), [Call(url) for _ in range(5)], Call(url)
    engine.send([begun, *waiting, kept])
    assert arrived.wait(LIMIT_S)
    assert engine.drop([begun, *waiting]) == waiting
    assert engine.drop(waiting) == []
    engine.close()
    assert isinstance(kept.error(), ClosedError)
    assert isinstance(begun.error(), ClosedError)
    assert (begun.sent, kept.sent, kept.requested) == (True, False, 0)
    assert [call.has_ended for call in waiting] == [False] * 5


def test_each_exchange_is_either_dropped_or_ends(serve: Serve, engine: Engine) -> None:
    url = serve(tls="").url
    calls = [Call(url) for _ in range(2000)]
    engine.send(calls)
    dropped = engine.drop(calls[::-1][:1500])
    lost = {id(call) for call in dropped}
    for call in calls:
        if id(call) not in lost:
            call.response()
    assert not any(call.has_ended for call in calls if id(call) in lost)
    assert dropped


def test_exchanges_need_not_be_hashable_nor_differ(serve: Serve, engine: Engine) -> None:
    class Alike(Call):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Alike)

        __hash__ = None  # type: ignore[assignment]

    calls = [Alike(serve(tls="").url), Alike("ftp://host")]
    engine.send(calls)
    assert calls[0].response().status == 200
    assert "give https://" in str(calls[1].error())


def test_closing_fails_what_is_open_and_ends_the_thread(serve: Serve, make_engine: MakeEngine) -> None:
    turns: list[int] = []
    arrived = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        arrived.set()
        await connection.closed()

    engine = make_engine(after_turn=lambda: turns.append(1))
    call = Call(serve(script, tls="").url)
    engine.send([call])
    assert arrived.wait(LIMIT_S)
    engine.close()
    engine.close()
    assert str(call.error()) == "the connections were closed before the whole response was there"
    assert turns == [1]
    assert not [thread for thread in threading.enumerate() if thread.name == "lithops-http"]


def test_closing_while_connections_are_on_their_way(serve: Serve, engine: Engine) -> None:
    server = serve(Connection.closed, tls="")
    calls = [Call(server.url.replace("http:", "https:")) for _ in range(40)]
    engine.send(calls)
    engine.close()
    for call in calls:
        assert isinstance(call.error(), ClosedError)
        assert call.sent is False


def test_closing_does_not_wait_for_a_host_to_be_looked_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        asked.set()
        answer.wait(LIMIT_S)
        return []

    monkeypatch.setattr("socket.getaddrinfo", look_up)  # the resolver of this machine cannot be made to hang
    call = Call("https://host.invalid/")
    engine.send([call])
    assert asked.wait(LIMIT_S)
    engine.close()
    assert isinstance(call.error(), ClosedError)
    answer.set()


def test_closing_from_a_callback(serve: Serve, engine: Engine) -> None:
    class Closing(Call):
        def answered(self, response: HttpResponse) -> None:
            engine.close()
            super().answered(response)

    closing = Closing(serve(tls="").url)
    engine.send([closing])
    closing.response()
    engine.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "lithops-http"]


def test_many_threads_close_at_once(serve: Serve, engine: Engine) -> None:
    call = Call(serve(Connection.closed, tls="").url)
    engine.send([call])
    threads = [threading.Thread(target=engine.close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert isinstance(call.error(), ClosedError)


def test_closed_engine_takes_nothing(engine: Engine) -> None:
    engine.close()
    call = Call("https://example.org")
    with pytest.raises(ClosedError) as caught:
        engine.send([call])
    assert str(caught.value) == "cannot send requests: the connections were closed; make a new executor"
    assert engine.drop([call]) == []
    assert not call.has_ended


def test_thread_that_a_callback_holds_up_is_told_of(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lithops.serverless.http.engine.JOIN_S", 0.05)
    began, go_on = threading.Event(), threading.Event()

    class Waiting(Call):
        def request(self) -> HttpRequest:
            began.set()
            go_on.wait(LIMIT_S)
            return super().request()

    call = Waiting("ftp://host")
    engine.send([call])
    assert began.wait(LIMIT_S)
    engine.close()
    assert caplog.messages == ["a callback has kept the thread of the connections from ending for 0.05 s"]
    go_on.set()
    monkeypatch.undo()
    engine.close()
    call.error()


def test_server_that_dies_fails_what_it_had(serve: Serve, engine: Engine, ca_file: str) -> None:
    arrived = threading.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        arrived.set()
        await connection.closed()

    server = serve(script)
    call = Call(server.url, ca_file=ca_file)
    engine.send([call])
    assert arrived.wait(LIMIT_S)
    server.stop()
    assert "closed the connection without an answer" in str(call.error())
    again = Call(server.url, ca_file=ca_file)
    engine.send([again])
    assert "refused the connection" in str(again.error())


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_forked_child_refuses_and_leaves_the_parent_alone(serve: Serve, engine: Engine, ca_file: str) -> None:
    server = serve()
    before = Call(server.url, ca_file=ca_file)
    engine.send([before])
    before.response()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        for refused in (lambda: engine.send([before]), lambda: engine.drop([before])):
            try:
                refused()
            except ClosedError as error:
                said.append(str(error))
        engine.close()
        os.write(writing, "\n".join(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    line = "this executor belongs to the process this one was forked from; make a new one here"
    assert said == f"{line}\n{line}"
    after = Call(server.url, ca_file=ca_file)
    engine.send([after])
    after.response()
    assert server.accepted == 1


def test_engine_that_nobody_closed_does_not_keep_the_program_from_ending(serve: Serve) -> None:
    server = serve(Connection.closed, tls="")
    program = f"""
import time
from lithops.serverless.http.engine import Engine
from lithops.types import HttpRequest

class Call:
    deadline = time.monotonic() + 60
    def request(self): return HttpRequest(url={server.url!r})

engine = Engine(connections=1)
engine.send([Call()])
print("sent")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert (done.stdout, done.stderr) == ("sent\n", "")


def test_core_does_not_import_the_engine() -> None:
    program = "import sys, lithops.executors; print({'ssl', 'asyncio', 'httptools'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stdout == "set()\n"


def test_exchange_may_have_no_deadline(engine: Engine) -> None:
    call = Call("ftp://host")
    call.deadline = float("inf")
    engine.send([call])
    assert "ftp://host" in str(call.error())
