"""Functions are run from their pickles in interpreters that have none of the user's files."""

from __future__ import annotations

import functools
import importlib
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np
import pytest

from lithops.errors import BadCallError
from lithops.jobs.capture import by_value, function_name, serialize
from lithops.jobs.culprit import unpicklable
from lithops.worker.plan import CallPlan

if TYPE_CHECKING:
    from lithops.types import Payload

_WORKER = """
import pickle, sys
sys.path.append(sys.argv[1])
import cloudpickle
body, buffers = pickle.load(sys.stdin.buffer)
function, args = pickle.loads(body, buffers=buffers)
sys.stdout.buffer.write(cloudpickle.dumps(function(*args)))
"""

_PACKAGE = {
    "zoo/__init__.py": "from .cage import Cage\nfrom . import food\nSIZE = 3\ndef inner(x): return x * SIZE\n",
    "zoo/cage.py": """
import dataclasses
from .animals.cat import Cat
@dataclasses.dataclass
class Cage:
    cat: Cat
    LIMIT = 7
    def feed(self, n):
        from math import floor
        return min(floor(n), self.LIMIT), self.cat.sound()
""",
    "zoo/food.py": "PRICES = {'fish': 2}\ndef price(name): return PRICES[name]\n",
    "zoo/animals/__init__.py": "",
    "zoo/animals/cat.py": """
class Animal:
    def sound(self): return 'none'
class Cat(Animal):
    def sound(self): return 'meow, not ' + super().sound()
""",
    "zoo/work.py": """
from . import SIZE, Cage, food, inner
from .animals import cat
import zoo.food
def visit(n):
    cage = Cage(cat.Cat())
    return cage, cage.feed(n), food.price('fish'), zoo.food.PRICES, inner(n), SIZE
""",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run_elsewhere(payload: Payload) -> Any:
    """Run `(function, args)` in an isolated interpreter, in another folder."""
    place = str(Path(cloudpickle.__file__).parents[1])
    message = pickle.dumps((bytes(payload.body), [bytearray(buffer) for buffer in payload.buffers]))
    done = subprocess.run(
        [sys.executable, "-I", "-c", _WORKER, place], input=message, capture_output=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


def remote(function: Any, *args: object, **options: Any) -> Any:
    return run_elsewhere(serialize((function, args), function, **options))


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    write(tmp_path, _PACKAGE)
    return load("zoo.work", tmp_path, monkeypatch)


def load(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(folder)
    top = name.partition(".")[0]
    for loaded in [m for m in sys.modules if m.partition(".")[0] == top]:
        monkeypatch.delitem(sys.modules, loaded)
    return importlib.import_module(name)


def test_local_package_runs_without_its_files(zoo: ModuleType) -> None:
    cage, fed, price, prices, inner, size = remote(zoo.visit, 9)
    assert (fed, price, prices, inner, size) == ((7, "meow, not none"), 2, {"fish": 2}, 27, 3)
    assert type(cage) is sys.modules["zoo.cage"].Cage
    assert isinstance(cage.cat, sys.modules["zoo.animals.cat"].Animal)


def test_instance_of_a_local_class_comes_back_as_the_drivers_own(zoo: ModuleType) -> None:
    cat = zoo.cat.Cat()

    def same(given: object) -> tuple[object, bool]:
        return given, isinstance(given, zoo.cat.Cat)

    returned, known = remote(same, cat)
    assert known
    assert type(returned) is zoo.cat.Cat


def test_bound_method_callable_object_and_partial_run_elsewhere(zoo: ModuleType) -> None:
    cage = zoo.Cage(zoo.cat.Cat())
    assert remote(cage.feed, 2) == (2, "meow, not none")
    assert remote(functools.partial(zoo.inner), 2) == 6

    class Multiply:
        def __init__(self, n: int) -> None:
            self.n = n

        def __call__(self, x: int) -> int:
            return self.n * x * zoo.SIZE  # type: ignore[no-any-return]

    assert remote(Multiply(2), 5) == 30


def test_script_with_a_module_beside_it_runs_without_its_files(tmp_path: Path) -> None:
    script = """
import subprocess, sys
from beside import scale, Point
from lithops.jobs.capture import serialize
import pickle, cloudpickle
FACTOR = 4
class Local:
    def __init__(self, v): self.v = v
def work(x):
    return Local(scale(x) * FACTOR), Point(1, 2)
payload = serialize((work, (2,)), work)
assert not payload.buffers
command = [sys.executable, '-I', '-c', WORKER, PLACE]
done = subprocess.run(command, input=pickle.dumps((payload.body, [])), stdout=subprocess.PIPE, cwd='/', check=True)
local, point = pickle.loads(done.stdout)
assert type(local) is Local and local.v == 80, local
assert type(point) is Point
print('fine')
"""
    values = f"WORKER = {_WORKER!r}\nPLACE = {str(Path(cloudpickle.__file__).parents[1])!r}\n"
    beside = """
from typing import NamedTuple
TEN = 10
class Point(NamedTuple):
    x: int
    y: int
def scale(x): return x * TEN
"""
    write(tmp_path, {"script.py": values + script, "beside.py": beside})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "fine\n", done.stderr


def test_what_a_module_holds_besides_and_cannot_be_pickled_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "farm/__init__.py": "import threading\nfrom . import tools\nOTHER_LOCK = threading.Lock()\n",
        "farm/tools.py": "import threading, farm\nSIZE = 5\nLOCK = threading.Lock()\ndef free(): return LOCK\n",
        "farm/work.py": "from . import tools\nimport farm\ndef size(x): return tools.SIZE + farm.tools.SIZE + x\n"
        "def lock(x): return tools.LOCK\n",
    }
    write(tmp_path, files)
    work = load("farm.work", tmp_path, monkeypatch)
    assert remote(work.size, 1) == 11
    with pytest.raises(BadCallError, match=r"its global 'tools' -> global 'LOCK' of module 'farm\.tools' is of type"):
        serialize(work.lock, work.lock)


def test_excluded_module_goes_by_reference(zoo: ModuleType) -> None:
    with pytest.raises(AssertionError, match="No module named 'zoo'"):
        remote(zoo.inner, 2, exclude_modules=["zoo"])
    whole = serialize(zoo.visit, zoo.visit)
    part = serialize(zoo.visit, zoo.visit, exclude_modules=["zoo.animals"])
    assert b"meow, not" in whole.body
    assert b"meow, not" not in part.body
    assert b"PRICES" in part.body


def test_include_none_takes_no_module_by_value(zoo: ModuleType) -> None:
    body = bytes(serialize(zoo.inner, zoo.inner, include_modules=None).body)
    assert body == pickle.dumps(zoo.inner, 5)


def test_included_module_goes_by_value_wherever_it_lives() -> None:
    import textwrap

    body = bytes(serialize(textwrap.dedent, textwrap.dedent, include_modules=["textwrap"]).body)
    assert len(body) > 500
    assert len(bytes(serialize(textwrap.dedent, textwrap.dedent).body)) < 100
    assert remote(textwrap.dedent, "  a", include_modules=["textwrap"]) == "a"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"include_modules": "zoo"}, r"include_modules must be a list of module names, found 'zoo'; write \['zoo'\]"),
        ({"exclude_modules": "zoo"}, r"exclude_modules must be a list of module names, found 'zoo'; write \['zoo'\]"),
        ({"include_modules": [os]}, r"include_modules must be a list of module names, found <module 'os'.* in it"),
        (
            {"include_modules": ["no_such_module"]},
            "include_modules names 'no_such_module', which is neither loaded nor found on sys.path; check the spelling",
        ),
    ],
)
def test_names_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCallError, match=message):
        serialize(len, len, **options)


def test_registry_is_as_the_user_left_it(zoo: ModuleType) -> None:
    food = sys.modules["zoo.food"]
    cloudpickle.register_pickle_by_value(food)
    try:
        before = cloudpickle.list_registry_pickle_by_value()
        serialize(zoo.visit, zoo.visit)
        with by_value(["textwrap"]):
            assert "zoo" in cloudpickle.list_registry_pickle_by_value()
        assert cloudpickle.list_registry_pickle_by_value() == before
    finally:
        cloudpickle.unregister_pickle_by_value(food)


def test_registry_is_restored_after_a_failure() -> None:
    lock = threading.Lock()
    before = cloudpickle.list_registry_pickle_by_value()
    with pytest.raises(BadCallError):
        serialize(lambda: lock, lambda: lock)
    assert cloudpickle.list_registry_pickle_by_value() == before


def test_many_threads_can_serialize_at_once(zoo: ModuleType) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                assert b"meow" in serialize(zoo.visit, zoo.visit).body
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_large_buffers_stay_outside_as_views_and_small_ones_do_not() -> None:
    large, small = np.arange(20_000), np.arange(10)

    def total(extra: int) -> int:
        return int(large.sum() + small.sum()) + extra

    payload = serialize((total, (1,)), total)
    assert [buffer.nbytes for buffer in payload.buffers] == [large.nbytes]
    assert np.shares_memory(np.frombuffer(payload.buffers[0], dtype=large.dtype), large)
    assert len(payload.body) < 5_000
    assert run_elsewhere(payload) == total(1)


def function_with_global_lock() -> object:
    return GLOBAL_LOCK


def calls_another() -> object:
    return function_with_global_lock()


GLOBAL_LOCK = threading.Lock()
LOCK_TYPE = type(GLOBAL_LOCK).__name__


class Client:
    def __init__(self) -> None:
        self.session = {"lock": threading.Lock()}

    def fetch(self, x: int) -> int:
        return x


def refused(function: object, plan: object = None) -> BadCallError:
    with pytest.raises(BadCallError) as caught:
        serialize(function if plan is None else plan, function)
    return caught.value


def test_unpicklable_closure_variable_is_named() -> None:
    lock = threading.Lock()

    def work(x: int) -> object:
        return lock, x

    error = refused(work)
    assert str(error) == (
        f"function 'work' cannot be pickled: its closure variable 'lock' is of type '_thread.{LOCK_TYPE}' "
        f"(cannot pickle '_thread.{LOCK_TYPE}' object); "
        "make it inside the function, or pass something it can be made from"
    )
    assert isinstance(error.__cause__, TypeError)


def test_unpicklable_global_is_named_with_the_way_to_it() -> None:
    assert "its global 'GLOBAL_LOCK' is of type" in str(refused(function_with_global_lock))
    assert "its global 'function_with_global_lock' -> global 'GLOBAL_LOCK' is of type" in str(refused(calls_another))


def test_unpicklable_default_and_attribute_are_named() -> None:
    def work(a: int, b: object = threading.Lock(), *, c: object = None) -> None: ...

    assert "its default of parameter 'b' is of type" in str(refused(work))

    def keyword(*, c: object = threading.Lock()) -> None: ...

    assert "its default of parameter 'c' is of type" in str(refused(keyword))

    def attribute() -> None: ...

    attribute.lock = threading.Lock()  # type: ignore[attr-defined]
    assert "its attribute 'lock' is of type" in str(refused(attribute))


def test_unpicklable_state_of_a_method_is_named() -> None:
    message = str(refused(Client().fetch))
    assert message.startswith("function 'Client.fetch' cannot be pickled: its object of type")
    assert "-> attribute 'session' -> value of key 'lock' is of type" in message


def test_unpicklable_argument_of_a_partial_is_named() -> None:
    message = str(refused(functools.partial(pow, mod=threading.Lock())))
    assert message.startswith("function 'pow' cannot be pickled: its argument 'mod' of the partial is of type")


def test_unpicklable_part_of_the_plan_is_named() -> None:
    plan = CallPlan(len, extra_args={"x": [1, threading.Lock()]})
    message = str(refused(len, plan=plan))
    assert message.startswith(
        "'extra_args' of function 'len' cannot be pickled: its value of key 'x' -> element 1 is of"
    )


def test_unpicklable_item_is_explained_alike() -> None:
    item = (1, {"when": threading.Lock()})
    error = unpicklable("item 3", item, TypeError("no"))
    assert str(error).startswith("item 3 cannot be pickled: its element 1 -> value of key 'when' is of type '_thread.")


def test_unpicklable_thing_itself_is_told() -> None:
    class Stubborn:
        def __call__(self) -> None: ...

        def __reduce__(self) -> str:
            raise RuntimeError("not today")

    assert "cannot be pickled: it is of type" in str(refused(Stubborn()))
    assert "(not today)" in str(refused(Stubborn()))


def test_names_for_display() -> None:
    class Call:
        def __call__(self) -> None: ...

    assert function_name(refused) == "refused"
    assert function_name(lambda: 0) == "<lambda>"
    assert function_name(Client().fetch) == "Client.fetch"
    assert function_name(functools.partial(functools.partial(pow, 2), 3)) == "pow"
    assert function_name(Call()) == "Call"
    assert function_name(Client) == "Client"
    assert function_name(len) == "len"
