"""What a callable accepts, as far as it can be known without calling it."""

from __future__ import annotations

from functools import partial
from types import FunctionType, MethodType
from typing import NamedTuple

_VARARGS, _VARKEYWORDS = 0x04, 0x08  # co_flags, as documented in `inspect`

RESERVED = ("id", "storage")
"""Parameters that the worker fills: the number of the call, and a `lithops.Storage`."""


class Parameters(NamedTuple):
    """The parameters of a callable. `positional` begins with the `positional_only` ones."""

    positional: tuple[str, ...] = ()
    positional_only: int = 0
    keyword_only: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()
    """Those with a default."""
    preset: frozenset[str] = frozenset()
    """Those that a `partial` has given a value that can be replaced."""
    more_positional: bool = False
    """It takes any further positional arguments."""
    more_keywords: bool = False
    inside: tuple[str, ...] = ()
    """The positional parameters of the function that a wrapper passes all its arguments on to."""

    def __str__(self) -> str:
        shown = [f"{name}=..." if name in self.optional else name for name in self.positional]
        if self.positional_only:
            shown.insert(self.positional_only, "/")
        if self.more_positional:
            shown.append("*args")
        elif self.keyword_only:
            shown.append("*")
        shown += [f"{name}=..." if name in self.optional else name for name in self.keyword_only]
        if self.more_keywords:
            shown.append("**kwargs")
        return f"({', '.join(shown)})"


ANYTHING = Parameters(more_positional=True, more_keywords=True)
"""Of callables in C that don't tell."""


def parameters_of(function: object) -> Parameters:
    """Return what a callable accepts.

    A decorated function accepts what its wrapper does; where the wrapper passes on any keywords, the parameters called
    `id` and `storage` of the function inside are listed, too, so that they can be filled.
    """
    if type(function) is FunctionType:
        return _of_function(function, 0)
    if type(function) is MethodType and type(function.__func__) is FunctionType:
        return _of_function(function.__func__, 1)
    return _inspected(function)


def _of_function(function: FunctionType, bound: int) -> Parameters:
    code = function.__code__
    count, flags = code.co_argcount, code.co_flags
    names = code.co_varnames
    if bound > count:  # def method(*args)
        bound = 0
    optional = names[count - len(function.__defaults__) : count] if function.__defaults__ else ()
    keyword_only = names[count : count + code.co_kwonlyargcount]
    more_keywords = bool(flags & _VARKEYWORDS)
    inside: tuple[str, ...] = ()
    if more_keywords and hasattr(function, "__wrapped__"):
        keyword_only, inside = _passed_on(function, names[:count], keyword_only)
        optional += keyword_only[code.co_kwonlyargcount :]
    return Parameters(
        names[bound:count],
        max(0, code.co_posonlyargcount - bound),
        keyword_only,
        frozenset((*optional, *(function.__kwdefaults__ or ()))),
        frozenset(),
        bool(flags & _VARARGS),
        more_keywords,
        inside if not count and flags & _VARARGS else (),
    )


def _passed_on(
    wrapper: FunctionType, own: tuple[str, ...], keyword_only: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keyword-only parameters with the reserved ones of the function inside, and its positional ones."""
    import inspect

    function = parameters_of(inspect.unwrap(wrapper))
    named = (*function.positional[function.positional_only :], *function.keyword_only)
    passed = tuple(name for name in RESERVED if name in named and name not in own and name not in keyword_only)
    return (*keyword_only, *passed), function.positional


def _inspected(function: object) -> Parameters:
    import inspect

    try:
        # What is inside of a wrapper is not asked: a decorator may give arguments of its own.
        signature = inspect.signature(function, follow_wrapped=False)  # type: ignore[arg-type]  # it is callable
    except (ValueError, TypeError):
        return ANYTHING
    of_kind: dict[object, list[str]] = {}
    for parameter in signature.parameters.values():
        of_kind.setdefault(parameter.kind, []).append(parameter.name)
    positional_only = of_kind.get(inspect.Parameter.POSITIONAL_ONLY, [])
    return Parameters(
        (*positional_only, *of_kind.get(inspect.Parameter.POSITIONAL_OR_KEYWORD, [])),
        len(positional_only),
        tuple(of_kind.get(inspect.Parameter.KEYWORD_ONLY, [])),
        frozenset(n for n, p in signature.parameters.items() if p.default is not inspect.Parameter.empty),
        frozenset(function.keywords) if isinstance(function, partial) else frozenset(),
        inspect.Parameter.VAR_POSITIONAL in of_kind,
        inspect.Parameter.VAR_KEYWORD in of_kind,
    )


def function_name(function: object) -> str:
    """Return the name of a callable for display: its own, its class's, or that of what a `partial` wraps."""
    while isinstance(function, partial):
        function = function.func
    if type(function) is FunctionType:
        return function.__name__
    if isinstance(function, MethodType):
        return str(getattr(function, "__qualname__", "method")).rpartition("<locals>.")[2]
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__
