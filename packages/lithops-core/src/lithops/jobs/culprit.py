"""Finds out which part of an object cannot be pickled, by trying its parts one by one."""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType

from lithops.errors import BadCallError
from lithops.jobs.pickler import failure, mentioned_names

_DEEPEST = 30


def unpicklable(what: str, value: object, error: Exception, *, whole: object = None) -> BadCallError:
    """Return the error that tells which part of `value`, called `what`, cannot be pickled.

    `whole` is the object that was pickled and holds `value` besides other parts; they are searched when `value` itself
    is innocent. Modules are taken by value as they are registered now.
    """
    names = mentioned_names(value if whole is None else whole)
    path, leaf, reason = _search(value, names)
    if reason is None and whole is not None:
        path, leaf, reason = _search(whole, names)
        if path:
            what = f"{path.pop(0).removeprefix('attribute ')} of {what}"
    if reason is None:
        path, leaf, reason = [], value, error
    subject = f"its {' -> '.join(path)}" if path else "it"
    return BadCallError(
        f"{what} cannot be pickled: {subject} is of type {_type_name(leaf)!r} ({_first_line(reason)}); "
        "make it inside the function, or pass something it can be made from"
    )


def first_unpicklable(parts: Iterable[tuple[str, object]], error: Exception) -> BadCallError | None:
    """Return the error that tells of the first of the named parts that cannot be pickled, None if all of them can."""
    for what, part in parts:
        if failure(part) is not None:
            return unpicklable(what, part, error)
    return None


def _search(value: object, names: set[str]) -> tuple[list[str], object, Exception | None]:
    """Follow the first part that fails, as deep as it goes; returns the way, the end of it and why it fails."""
    reason = failure(value, names)
    path: list[str] = []
    if reason is None:
        return path, value, None
    seen = {id(value)}
    while len(path) < _DEEPEST:
        for step, part in _parts(value, names):
            if id(part) not in seen and (failed := failure(part, names)) is not None:
                seen.add(id(part))
                path.append(step)
                value, reason = part, failed
                break
        else:
            break
    return path, value, reason


def _parts(value: object, names: set[str]) -> Iterator[tuple[str, object]]:
    if isinstance(value, FunctionType):
        yield from _function_parts(value)
    elif isinstance(value, MethodType):
        yield f"object of type {_type_name(value.__self__)!r}", value.__self__
        yield f"function {value.__name__!r}", value.__func__
    elif isinstance(value, partial):
        yield "function of the partial", value.func
        yield from ((f"argument {i} of the partial", part) for i, part in enumerate(value.args))
        yield from ((f"argument {name!r} of the partial", part) for name, part in value.keywords.items())
    elif isinstance(value, list | tuple):
        yield from ((f"element {i}", part) for i, part in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f"an element of the {type(value).__name__}", part) for part in value)
    elif isinstance(value, dict):
        yield from ((f"a key of type {_type_name(part)!r}", part) for part in value)
        yield from ((f"value of key {key!r}", part) for key, part in value.items())
    elif isinstance(value, ModuleType):
        for name, part in _items(value):
            if name in names:
                yield f"global {name!r} of module {value.__name__!r}", part
    else:
        yield from ((f"attribute {name!r}", part) for name, part in _items(value))
        if not isinstance(value, type):
            for name in _slots(type(value)):
                if hasattr(value, name):
                    yield f"attribute {name!r}", getattr(value, name)
            yield f"class {_type_name(value)!r}", type(value)


def _function_parts(function: FunctionType) -> Iterator[tuple[str, object]]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"closure variable {name!r}", cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for name in sorted(_global_names(code)):
        if name in function.__globals__:
            yield f"global {name!r}", function.__globals__[name]
    defaults = function.__defaults__ or ()
    for name, default in zip(
        code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults, strict=True
    ):
        yield f"default of parameter {name!r}", default
    for name, default in (function.__kwdefaults__ or {}).items():
        yield f"default of parameter {name!r}", default
    for name, part in vars(function).items():
        yield f"attribute {name!r}", part
    for name, part in function.__annotations__.items():
        yield f"annotation of {name!r}", part


def _global_names(code: CodeType) -> set[str]:
    names = {str(step.argval) for step in dis.get_instructions(code) if step.opname.endswith("_GLOBAL")}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names


def _items(value: object) -> list[tuple[str, object]]:
    try:
        return list(vars(value).items())
    except TypeError:
        return []


def _slots(cls: type) -> Iterator[str]:
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
