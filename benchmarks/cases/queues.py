"""Items through queues: ours on this machine and through Redis, beside the standard library's and bare redis-py."""

from __future__ import annotations

import multiprocessing
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from records import OURS, Case, Column, Plan, Results, Verdict, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from peers import Peer

ITEMS = 2000
STANDARD = "mp-pool"


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis server on a socket of its own; yield the path."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            try:
                while b"ready to accept" not in server.stdout.readline():
                    assert server.poll() is None
                yield path
            finally:
                server.terminate()
                server.stdout.read()


def our_queue() -> Any:
    from lithops.multiprocessing import Queue

    return Queue()


def queue_through_redis(path: str) -> Any:
    from lithops.multiprocessing import config

    config.update({"CARRIER": "redis", "LITHOPS_CONFIG": {"redis": {"unix_socket_path": path}}})
    return our_queue()


def measure(_peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    with ExitStack() as stack:
        put: Callable[[int], object]
        get: Callable[[], object]
        if variant == "redis-py":
            import redis

            client = redis.Redis(unix_socket_path=stack.enter_context(redis_server()))
            put, get = (lambda item: client.lpush("queue", item)), (lambda: client.brpop("queue"))
        else:
            if variant == "lithops":
                queue = our_queue()
            elif variant == "lithops, Redis":
                queue = queue_through_redis(stack.enter_context(redis_server()))
            elif variant == "standard":
                queue = multiprocessing.Queue()
            else:
                queue = stack.enter_context(multiprocessing.Manager()).Queue()
            put, get = queue.put, queue.get
        put(0)
        get()
        count = plan.sized(ITEMS)
        began = time.perf_counter()
        for item in range(count):
            put(item)
        filled = time.perf_counter()
        for _ in range(count):
            get()
        ended = time.perf_counter()
        if variant.startswith("lithops"):
            from multiprocessing import util

            util._exit_function()  # what keeps the queue ends before its server does
    return {"put_s": (filled - began) / count, "get_s": (ended - filled) / count, "both_s": (ended - began) / count}


def judge(results: Results) -> Sequence[Verdict]:
    ratio = results.ratio("queues", "lithops, Redis", OURS, OURS, "both_s", other_variant="redis-py")
    return [at_most("an item through our queue in Redis / LPUSH and BRPOP of redis-py", ratio, 2.0, ".2f", "x")]


CASE = Case(
    key="queues",
    title="An item through a queue",
    about=(
        f"{ITEMS} numbers are put and then gotten, by one process. `standard` is `multiprocessing.Queue`, whose `put` "
        "leaves the work to a thread; `managed` is the queue of a `multiprocessing.Manager()`; `redis-py` pushes and "
        "pops on the same server."
    ),
    variants=("lithops", "lithops, Redis", "redis-py", "standard", "managed"),
    rounds={OURS: 5, STANDARD: 5},
    only={OURS: ("lithops", "lithops, Redis", "redis-py"), STANDARD: ("standard", "managed")},
    columns=(
        Column(title="put us", value="put_s", factor=1e6, digits=0),
        Column(title="get us", value="get_s", factor=1e6, digits=0),
    ),
    compared="both_s",
    judge=judge,
    measure=measure,
)
