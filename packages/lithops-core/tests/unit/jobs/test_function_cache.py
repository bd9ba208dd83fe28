"""An earlier pickle of a function is used again only where a new one would be alike."""

from __future__ import annotations

import functools
import gc
import importlib
import itertools
import json
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest

from lithops.errors import BadCallError
from lithops.jobs.function_cache import FunctionCache
from lithops.jobs.pickler import dump as dump_anew

if TYPE_CHECKING:
    from lithops.types import Payload


@pytest.fixture
def cache() -> FunctionCache:
    return FunctionCache()


def define(source: str, **names: object) -> Any:
    """Return the `f` that the source defines, as if it stood in a script."""
    namespace: dict[str, Any] = {"__name__": "__main__", **names}
    exec(source, namespace)
    return namespace["f"]


def dump(cache: FunctionCache, function: Any, key: object = 1, **options: Any) -> Payload:
    return cache.serialize(function, lambda: (function, key), key=key, **options)


def call(payload: Payload, *args: object) -> Any:
    return pickle.loads(payload.body)[0](*args)


def is_cached(cache: FunctionCache, function: Any) -> bool:
    return dump(cache, function) is dump(cache, function)


TRACEABLE = {
    "no globals": "def f(x): return x",
    "atoms": "A, B, C = 1, 'b', (1, (2.0, None), b'x')\ndef f(x, y=2, *, z=('a', 3)): return A, B, C, x, y, z",
    "modules and C": "import math, json\nfrom math import sqrt\ndef f(x): return json.dumps(sqrt(x)), math.pi",
    "classes of others": "from fractions import Fraction\ndef f(x): return Fraction, int",
    "functions of others": "from textwrap import dedent\ndef f(x): return dedent(x)",
    "own functions": "def g(x): return x * 2\ndef f(x): return g(x)",
    "recursion": "def f(x): return f(x - 1) if x else 0",
    "two that call each other": "def g(x): return f(x)\ndef f(x): return g(x - 1) if x else 0",
    "nested code": "K = 3\ndef f(x): return [K * i for i in range(x)], (lambda: K)()",
    "closure": "def outer(k):\n    def g(x): return x + k\n    def f(x): return g(x) * k\n    return f\nf = outer(5)",
    "annotations": "from typing import Optional\ndef f(x: int, y: list[int], z: int | None) -> None: return x",
    "wrapped": "import functools\ndef g(x): 'doc'; return x\n@functools.wraps(g)\ndef f(*a, **k): return g(*a, **k)",
}


@pytest.mark.parametrize("source", TRACEABLE.values(), ids=TRACEABLE)
def test_function_of_immutable_things_is_pickled_once(cache: FunctionCache, source: str) -> None:
    function = define(source)
    assert is_cached(cache, function)
    assert dump(cache, function).body == dump_anew((function, 1)).body


UNTRACEABLE = {
    "list": "A = []\ndef f(x): return A",
    "dict in a tuple": "A = ({},)\ndef f(x): return A",
    "mutable default": "def f(x, y=[]): return y",
    "mutable keyword default": "def f(x, *, y={}): return y",
    "mutable closure": "def outer():\n    a = []\n    def f(x): return a\n    return f\nf = outer()",
    "own class": "class A: pass\ndef f(x): return A()",
    "instance": "class A: pass\na = A()\ndef f(x): return a",
    "deep below": "A = []\ndef h(): return A\ndef g(): return h()\ndef f(x): return g()",
    "attribute": "def f(x): return x\nf.seen = []",
    "bound method in C": "add = [].append\ndef f(x): add(x)",
    "subclass of an atom": "class I(int): pass\ni = I(3)\ndef f(x): return i",
    "no module": "def f(x): return x\nf.__module__ = None",
    "function in a tuple": "def g(): return 1\nT = (g,)\ndef f(x): return T",
}


@pytest.mark.parametrize("source", UNTRACEABLE.values(), ids=UNTRACEABLE)
def test_function_that_reaches_something_mutable_is_pickled_each_time(cache: FunctionCache, source: str) -> None:
    assert not is_cached(cache, define(source))


def set_global(f: FunctionType, name: str, value: object) -> None:
    f.__globals__[name] = value


def set_cell(f: FunctionType, value: object) -> None:
    assert f.__closure__
    f.__closure__[0].cell_contents = value


_PLAIN = "def f(x, y=2, *, z=3): return x + y + z"
_GLOBAL = "K = 1\ndef f(x): return x + K"
_CALLS = "K = 1\ndef g(x): return x + K\ndef f(x): return g(x)"
_CLOSURE = "def outer(k):\n    def f(x): return x + k\n    return f\nf = outer(5)"

CHANGES: dict[str, tuple[str, Callable[[Any], object], object]] = {
    "global": (_GLOBAL, lambda f: set_global(f, "K", 10), 11),
    "global deleted, builtin instead": (
        "len = 5\ndef f(x): return len",
        lambda f: f.__globals__.pop("len"),
        len,
    ),
    "global that hides a builtin": ("def f(x): return len", lambda f: set_global(f, "len", None), None),
    "global of another type": (_GLOBAL, lambda f: set_global(f, "K", 10.5), 11.5),
    "True for 1": ("K = 1\ndef f(x): return K", lambda f: set_global(f, "K", True), True),
    "global of a function it calls": (_CALLS, lambda f: set_global(f, "K", 10), 11),
    "function it calls": (_CALLS, lambda f: set_global(f, "g", define("def f(x): return -x")), -1),
    "code of a function it calls": (
        _CALLS,
        lambda f: setattr(f.__globals__["g"], "__code__", (lambda x: -x).__code__),
        -1,
    ),
    "global in nested code": ("K = 1\ndef f(x): return [K for _ in range(1)]", lambda f: set_global(f, "K", 2), [2]),
    "defaults": (_PLAIN, lambda f: setattr(f, "__defaults__", (20,)), 24),
    "keyword default in place": (_PLAIN, lambda f: f.__kwdefaults__.update(z=30), 33),
    "closure cell": (_CLOSURE, lambda f: set_cell(f, 50), 51),
    "code": (_PLAIN, lambda f: setattr(f, "__code__", (lambda x, y: (x, y)).__code__), (1, 2)),
    "becomes mutable": (_GLOBAL, lambda f: set_global(f, "K", 1 + 2j), 2 + 2j),
}


@pytest.mark.parametrize(("source", "change", "expected"), CHANGES.values(), ids=CHANGES)
def test_change_between_two_calls_is_seen(
    cache: FunctionCache, source: str, change: Callable[[Any], object], expected: object
) -> None:
    function = define(source)
    before = dump(cache, function)
    assert dump(cache, function) is before
    change(function)
    result = call(dump(cache, function), 1)
    assert result == expected
    assert type(result) is type(expected)


def test_name_doc_attribute_and_annotation_are_pickled_anew_when_they_change(cache: FunctionCache) -> None:
    function = define(_PLAIN)

    def again() -> Any:
        return pickle.loads(dump(cache, function).body)[0]

    again()
    function.__name__ = "renamed"
    assert again().__name__ == "renamed"
    function.__doc__ = "Changed."
    assert again().__doc__ == "Changed."
    function.tag = 5
    assert again().tag == 5
    function.tag = 6
    assert again().tag == 6
    function.__annotations__["x"] = int
    assert again().__annotations__ == {"x": int}


def test_mutation_of_something_mutable_is_seen(cache: FunctionCache) -> None:
    function = define("A = []\ndef f(x): return A")
    assert call(dump(cache, function), 1) == []
    function.__globals__["A"].append(1)
    assert call(dump(cache, function), 1) == [1]


def test_closure_filled_after_the_first_dump_is_seen(cache: FunctionCache) -> None:
    source = """
def outer():
    def f(x): return late
    def fill(value):
        nonlocal late
        late = value
    if 0: late = 0
    return f, fill
f = outer()
"""
    function, fill = define(source)
    dump(cache, function)
    fill(7)
    assert call(dump(cache, function), 1) == 7


def test_function_replaced_in_its_module_is_seen(cache: FunctionCache, monkeypatch: pytest.MonkeyPatch) -> None:
    import textwrap

    function = define("from textwrap import dedent\ndef f(x): return dedent(x)")
    before = dump(cache, function)
    monkeypatch.setattr(textwrap, "dedent", textwrap.indent)
    assert dump(cache, function) is not before


def test_submodule_loaded_later_is_shipped(cache: FunctionCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "xml.dom", raising=False)
    function = define("import xml\ndef f(x): return xml.dom")
    assert b"xml.dom" not in dump(cache, function).body
    importlib.import_module("xml.dom")

    assert b"xml.dom" in dump(cache, function).body


def test_module_of_the_users_is_by_value_and_so_not_cached(
    cache: FunctionCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cached_own.py").write_text("K = 1\ndef g(x): return K\nclass C: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = define("import cached_own\ndef f(x): return cached_own.K")
    assert not is_cached(cache, function)
    sys.modules["cached_own"].K = 2  # type: ignore[attr-defined]
    assert call(dump(cache, function), 1) == 2
    function = sys.modules["cached_own"].g
    assert is_cached(cache, function)
    sys.modules["cached_own"].K = 3  # type: ignore[attr-defined]
    assert call(dump(cache, function), 1) == 3
    by_reference = dump(cache, function, exclude_modules=["cached_own"])
    assert by_reference is not dump(cache, function)
    assert len(by_reference.body) < len(dump(cache, function).body)
    assert not is_cached(cache, define("from cached_own import C\ndef f(x): return C"))
    monkeypatch.delitem(sys.modules, "cached_own")


def test_registration_by_the_user_is_seen(cache: FunctionCache) -> None:
    import textwrap

    function = define("from textwrap import dedent\ndef f(x): return dedent(x)")
    small = dump(cache, function)
    cloudpickle.register_pickle_by_value(textwrap)
    try:
        assert len(dump(cache, function).body) > len(small.body)
    finally:
        cloudpickle.unregister_pickle_by_value(textwrap)
    assert dump(cache, function).body == small.body


def test_plans_are_told_apart_by_their_key(cache: FunctionCache) -> None:
    function = define(_PLAIN)
    one, two = dump(cache, function, key=1), dump(cache, function, key=2)
    assert one is not two
    assert dump(cache, function, key=1) is one
    assert dump(cache, function, key=2) is two


def test_no_key_means_no_cache(cache: FunctionCache) -> None:
    function = define(_PLAIN)
    assert dump(cache, function, key=None) is not dump(cache, function, key=None)


def test_other_callables_are_pickled_each_time(cache: FunctionCache) -> None:
    for callable_ in (functools.partial(pow, 2), "a".join, len, json.JSONEncoder().encode):
        assert not is_cached(cache, callable_)
        assert pickle.loads(dump(cache, callable_).body)[1] == 1


def test_large_pickles_are_not_kept(cache: FunctionCache) -> None:
    assert not is_cached(cache, define("A = b'x' * 1_000_000\ndef f(x): return A"))


@pytest.mark.parametrize("source", [*TRACEABLE.values(), *UNTRACEABLE.values()], ids=[*TRACEABLE, *UNTRACEABLE])
def test_functions_are_not_kept_alive(cache: FunctionCache, source: str) -> None:
    function = define(source)
    dump(cache, function)
    gone = weakref.ref(function)
    del function
    gc.collect()
    assert gone() is None
    assert not cache._known


def test_number_of_functions_is_bounded(cache: FunctionCache) -> None:
    functions = [define(_PLAIN) for _ in range(300)]
    for function, key in itertools.product(functions, range(6)):
        dump(cache, function, key=key)
    assert len(cache._known) <= 128
    assert all(known.pickles is not None and len(known.pickles) <= 4 for known in cache._known.values())


def test_failure_names_the_culprit_and_leaves_nothing(cache: FunctionCache) -> None:
    function = define("import threading\nlock = threading.Lock()\ndef f(x): return lock")
    for _ in range(2):
        with pytest.raises(BadCallError, match="function 'f' cannot be pickled: its global 'lock' is of type"):
            dump(cache, function)


def test_many_threads_get_the_right_pickles(cache: FunctionCache) -> None:
    functions = [define(f"K = {i}\ndef f(x): return K") for i in range(40)]
    wrong: list[object] = []

    def work() -> None:
        for _ in range(5):
            for i, function in enumerate(functions):
                if (got := call(dump(cache, function), 0)) != i:
                    wrong.append(got)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_module_removed_from_the_loaded_ones_is_seen(cache: FunctionCache, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("made_by_hand")
    monkeypatch.setitem(sys.modules, "made_by_hand", module)
    function = define("def f(x): return made_by_hand", made_by_hand=module)
    before = dump(cache, function)
    assert dump(cache, function) is before
    monkeypatch.delitem(sys.modules, "made_by_hand")
    assert dump(cache, function) is not before
