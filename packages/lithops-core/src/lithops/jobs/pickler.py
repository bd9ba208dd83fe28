"""cloudpickle, taught to take whole modules of the user's by value.

cloudpickle does so only for modules that do not refer to one another in a circle, which the modules of a package nearly
always do: the package has its submodules for attributes, and they import the package.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle

from lithops.types import Payload
from lithops.worker.codec import BufferCatcher

BufferCallback = Callable[[pickle.PickleBuffer], object]

_NO_FILE = "<dynamic-code>"
"""What cloudpickle, from 3.1.2 on, writes for the file of code; with the name itself, tracebacks tell where it is."""
_NOT_SHIPPED = frozenset({"__builtins__", "__cached__", "__loader__", "__spec__"})


class UserPickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle is not typed
    """Pickles functions, classes and modules of the user's by value.

    Those modules are by value that are registered with cloudpickle when the pickler is made, with all below them.
    """

    def __init__(
        self, file: io.BytesIO, buffer_callback: BufferCallback | None = None, *, names: set[str] | None = None
    ) -> None:
        """Write to `file`; of modules taken by value, only the attributes with these names, `None` for all."""
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self.mentioned: set[str] = set()
        """Names in the code of the functions that were taken by value, as far as the dump has come."""
        self._registered = frozenset(cloudpickle.list_registry_pickle_by_value())
        self._names = names

    def reducer_override(self, obj: Any, /) -> Any:
        """Reduce modules here, so that one that is reached again while its attributes are written is known."""
        if isinstance(obj, ModuleType) and self._is_by_value(obj.__name__):
            names = self._names
            shipped = {
                name: value
                for name, value in vars(obj).items()
                if name not in _NOT_SHIPPED and (names is None or name in names or name.startswith("__"))
            }
            return ModuleType, (obj.__name__,), shipped
        if isinstance(obj, CodeType):
            make, parts = self.dispatch_table[CodeType](obj)
            return make, tuple(obj.co_filename if part == _NO_FILE else part for part in parts)
        reduced = super().reducer_override(obj)
        if reduced is not NotImplemented and isinstance(obj, FunctionType):
            self.mentioned.update(all_names(obj.__code__))
        return reduced

    def _is_by_value(self, name: str) -> bool:
        return is_below(name, self._registered) or name not in sys.modules


def dump(value: object) -> Payload:
    """Pickle a value; raises what pickling it raises.

    A module that comes along as a whole often holds things that cannot be pickled and that the function has no use
    for, such as a lock or a connection. Then only what is mentioned in code that is reached comes along.
    """
    _, result = _attempt(value, None)
    if isinstance(result, Exception):
        _, needed = _least(value)
        if isinstance(needed, Exception):
            raise result
        return needed
    return result


def mentioned_names(value: object) -> set[str]:
    """Return the names that the code of a value mentions, as far as its parts can be pickled."""
    return _least(value)[0]


def failure(value: object, names: set[str] | None = None) -> Exception | None:
    """Return what pickling a value raises, if it does, with those attributes of modules only that have these names."""
    try:
        UserPickler(io.BytesIO(), lambda _: None, names=names).dump(value)
    except Exception as error:  # noqa: BLE001 - pickling runs user code
        return error
    return None


def _least(value: object) -> tuple[set[str], Payload | Exception]:
    """Pickle a value with no more of modules than the code that is reached mentions, and return those names, too."""
    names: set[str] = set()
    while True:
        pickler, result = _attempt(value, names)
        if pickler.mentioned <= names:
            return names, result
        # What was found now may mention more; on failure, go on to learn the names that lead to it.
        names = names | pickler.mentioned


def _attempt(value: object, names: set[str] | None) -> tuple[UserPickler, Payload | Exception]:
    file, catcher = io.BytesIO(), BufferCatcher()
    pickler = UserPickler(file, catcher, names=names)
    try:
        pickler.dump(value)
    except Exception as error:  # noqa: BLE001 - pickling runs user code
        return pickler, error
    return pickler, Payload(body=file.getvalue(), buffers=tuple(catcher.caught))


def is_below(name: str, names: frozenset[str]) -> bool:
    """Tell whether a module, or a package that it is in, is among the names."""
    while name:
        if name in names:
            return True
        name = name.rpartition(".")[0]
    return False


def all_names(code: CodeType) -> dict[str, None]:
    """Return the names that code and the code inside of it mentions: globals, attributes and imports."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(all_names(constant))
    return names
